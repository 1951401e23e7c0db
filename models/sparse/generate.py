"""Pictures out of nothing: codes from a prior, painted by its first stage. Seeds are those of `sampling`."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from .dqtransformer import DqTransformer
from .dqvae import DqVae, DualCodes
from .dual_sampling import CONTENTS, sample_parts
from .dual_sampling import POSITIONS as DUAL_POSITIONS
from .mqvae import MqVae, Pairs
from .sampling import CODES, POSITIONS, Draw, sample_pairs
from .sequences import from_parts
from .stackformer import Stackformer


class MaskedPictures(NamedTuple):
    """Pictures (B, 3, H, W) in [0, 1], and the pairs that they were painted from."""

    pictures: Tensor
    pairs: Pairs


class DualPictures(NamedTuple):
    """Pictures (B, 3, H, W) in [0, 1], and the codes that they were painted from."""

    pictures: Tensor
    codes: DualCodes


@torch.no_grad()
def generate_masked(
    prior: Stackformer,
    first_stage: MqVae,
    count: int = 1,
    seed: int = 0,
    codes: Draw = CODES,
    positions: Draw = POSITIONS,
    raster_order: bool = True,
) -> MaskedPictures:
    """`count` square pictures of Stackformer, with as many codes each as the first stage keeps.

    Raises:
        ValueError: the two were not made for each other.
    """
    side = math.isqrt(prior.config.positions)
    if side**2 != prior.config.positions or prior.config.codes != first_stage.config.codes:
        raise ValueError("this Stackformer is not a prior of this MQ-VAE")
    kept = int(first_stage.config.kept * side**2)
    pairs = sample_pairs(prior.eval(), count, kept, seed, codes, positions, raster_order)
    return MaskedPictures(_visible(first_stage.eval().paint(pairs, side, side)), pairs)


@torch.no_grad()
def generate_dual(
    prior: DqTransformer,
    first_stage: DqVae,
    count: int = 1,
    seed: int = 0,
    contents: Draw = CONTENTS,
    positions: Draw = DUAL_POSITIONS,
    computed_fine: bool = True,
) -> DualPictures:
    """`count` square pictures of DQ-Transformer; each decides by itself how many codes it has.

    Raises:
        ValueError: the two were not made for each other.
    """
    config = first_stage.config
    if config.granularities != 2 or config.codes != prior.config.codes:
        raise ValueError("this DQ-Transformer is not a prior of this DQ-VAE")
    parts = sample_parts(prior.eval(), count, seed, contents, positions, computed_fine)
    codes = from_parts(*parts, prior.tokens)
    return DualPictures(_visible(first_stage.eval().paint(codes)), codes)


def _visible(pictures: Tensor) -> Tensor:
    """[-1, 1] and beyond to [0, 1]."""
    return ((pictures + 1) / 2).clamp(0, 1)
