"""Stage 1: the continuous stream alone, rate against the fidelity of its restoration."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ulbic.codec.networks import Networks
from ulbic.codec.relaxing import relaxed, round_through
from ulbic.codec.tradeoff import log_spaced
from ulbic.models.distortion import fidelity, squared_error
from ulbic.models.entropy import FactorizedPrior

from .config import TrainConfig
from .distributed import own_rows, whole
from .losses import bits


class Coded(NamedTuple):
    """Relaxed coding of one batch of crops."""

    y_hat: Tensor  # (B, latents, h, w)
    bpp: Tensor  # (B,) bits per pixel of the crop, estimated


def code_relaxed(networks: Networks, prior: FactorizedPrior, x: Tensor, gain: Tensor) -> Coded:
    """Encodes with straight-through rounding. x: (B, 3, H, W) in [0, 1]; gain: (B,) int64."""
    latents = networks.analyse(x)
    with torch.autocast(x.device.type, enabled=False):
        y, z = networks.hyper_analyse(latents.float(), gain)
        z_hat = round_through(z)
        y_hat, of_cells = relaxed(networks, y, z_hat, round_through)
        total = bits(prior.likelihood(z_hat + prior.medians)) + of_cells.sum(dim=(1, 2))
    return Coded(y_hat, total / (x.shape[2] * x.shape[3]))


class Restored(NamedTuple):
    """What one batch of crops becomes at random gains."""

    gain: Tensor  # (B,) int64
    coded: Coded
    restoration: Tensor  # (B, 3, H, W)


def code_and_restore(networks: Networks, prior: FactorizedPrior, x: Tensor) -> Restored:
    """Encodes crops (B, 3, H, W) at random gains, and decodes what the continuous stream says of them."""
    gain = random_gains(x, networks.sizes.gains)
    coded = code_relaxed(networks, prior, x, gain)
    return Restored(gain, coded, networks.restore(coded.y_hat, gain))


def random_gains(x: Tensor, gains: int) -> Tensor:
    """(B,) int64, a rate point for every crop of x."""
    return own_rows(torch.randint(0, gains, (whole(len(x)),), device=x.device))


def rate_weight(config: TrainConfig, gain: Tensor, gains: int) -> Tensor:
    """lambda of each gain index."""
    return log_spaced(config.rate_weights, gain, gains)


def continuous_loss(
    networks: Networks, prior: FactorizedPrior, x: Tensor, config: TrainConfig, progress: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """Mean of lambda * bpp + distortion, with lambda warmed up over the first 4 % of the run."""
    gain, coded, restoration = code_and_restore(networks, prior, x)
    distortion, squared = fidelity(restoration, x), squared_error(restoration, x)
    weight = rate_weight(config, gain, networks.sizes.gains) * min(1.0, 0.1 + 22.5 * progress)
    loss = (weight * coded.bpp + config.l1_weight * distortion + config.squared_weight * squared).mean()
    psnr = -10 * squared.detach().log10().mean()
    return loss, {"bpp": coded.bpp.mean(), "fidelity": distortion.mean(), "psnr": psnr}
