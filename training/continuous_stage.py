"""Stage 1: the continuous stream alone, rate against the fidelity of its restoration."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ulbic.models.continuous import ContinuousStream, Pass
from ulbic.models.entropy import gaussian_likelihood

from .config import TrainConfig
from .distributed import own_rows, whole
from .losses import bits, fidelity, round_through, squared_error


class ContinuousOutput(NamedTuple):
    """Relaxed coding of one batch of crops."""

    restoration: Tensor  # (B, 3, H/2, W/2), or of full size where the stream paints it so
    y_hat: Tensor
    bpp: Tensor  # (B,) bits a pixel of the crop, estimated


def code_relaxed(stream: ContinuousStream, x: Tensor, gain: Tensor) -> ContinuousOutput:
    """Encode and decode with straight-through rounding. x: (B, 3, H, W) in [0, 1]; gain: (B,) int64."""
    y = stream.analyse(F.avg_pool2d(x, 2), gain)
    with torch.autocast(x.device.type, enabled=False):
        y = y.float()
        medians = stream.prior.medians
        z_hat = round_through(stream.hyper_analyse(y) - medians) + medians
        total = bits(stream.prior.likelihood(z_hat))

        def quantise(p: Pass) -> Tensor:
            nonlocal total
            residual = round_through(y[:, p.channels] - p.mean)
            likelihood = gaussian_likelihood(residual, p.scale)
            total = total + bits(torch.where(p.cells, likelihood, 1.0))
            return residual + p.mean

        y_hat = stream.context(z_hat, (y.shape[2], y.shape[3]), quantise)
    return ContinuousOutput(stream.synthesise(y_hat, gain), y_hat, total / (x.shape[2] * x.shape[3]))


def restored(stream: ContinuousStream, x: Tensor) -> Tensor:
    """What the stream's synthesis is to give of the crops x: themselves, or in half their size."""
    return x if stream.config.full_size else F.avg_pool2d(x, 2)


def random_gains(x: Tensor, gains: int) -> Tensor:
    """(B,) int64, a rate point for every crop of x."""
    return own_rows(torch.randint(0, gains, (whole(len(x)),), device=x.device))


def rate_weight(config: TrainConfig, gain: Tensor, gains: int) -> Tensor:
    """lambda of each gain index, log-spaced between the two ends."""
    low, high = config.rate_weights
    return low * (high / low) ** (gain.float() / max(gains - 1, 1))


def continuous_loss(
    stream: ContinuousStream, x: Tensor, config: TrainConfig, progress: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """Mean of lambda * bpp + fidelity, with lambda warmed up over the first fifth of the run."""
    gain = random_gains(x, stream.config.gains)
    out = code_relaxed(stream, x, gain)
    restoration, target = out.restoration.float(), restored(stream, x)
    distortion, squared = fidelity(restoration, target), squared_error(restoration, target)
    weight = rate_weight(config, gain, stream.config.gains) * min(1.0, 0.1 + 4.5 * progress)
    loss = (weight * out.bpp + config.l1_weight * distortion + config.squared_weight * squared).mean()
    psnr = -10 * squared.detach().log10().mean()
    return loss, {"bpp": out.bpp.mean(), "fidelity": distortion.mean(), "psnr": psnr}
