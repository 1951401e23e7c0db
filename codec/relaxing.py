"""Coding without a coder: estimated bits, and gradients through what is coded."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from ulbic.models.entropy import gaussian_likelihood

from .latents import Pass, walk
from .networks import Networks

Rounding = Callable[[Tensor], Tensor]


class Relaxed(NamedTuple):
    """What `encode_latents` would write, estimated."""

    y_hat: Tensor  # (B, latents, h, w)
    bits: Tensor  # (B, h, w), of all latents of a cell; without the hyper-latents'


def relaxed(networks: Networks, y: Tensor, z_hat: Tensor, rounding: Rounding) -> Relaxed:
    """Codes y (B, latents, h, w), given its rounded hyper-latents."""
    bits = torch.zeros_like(y[:, 0])

    def quantise(p: Pass) -> Tensor:
        nonlocal bits
        residual = rounding(y[:, p.channels] - p.mean)
        likelihood = torch.where(p.cells, gaussian_likelihood(residual, p.scale), 1.0)
        bits = bits - torch.log2(likelihood).sum(dim=1)
        return residual + p.mean

    y_hat = walk(networks, z_hat, (y.shape[2], y.shape[3]), quantise)
    return Relaxed(y_hat, bits)


def round_through(x: Tensor) -> Tensor:
    """Rounds, and passes the gradient straight through.

    The uniform-noise relaxation charges about 0.1 bit for a latent that is always zero; at these rates
    that is most of the file, so both rate and distortion see rounded values.
    """
    return x + (x.round() - x).detach()
