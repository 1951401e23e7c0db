"""Adaptive mask of MQ-VAE: scores every position, keeps the best, and multiplies them by their score."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import MqVaeConfig, Selection


class Masked(NamedTuple):
    """What is kept of a feature map. Positions are raster indices, best first."""

    features: Tensor  # (B, dim, k), for the quantiser
    positions: Tensor  # (B, k) int64
    remaining: Tensor  # (B, h w - k) int64: the dropped ones
    scores: Tensor  # (B, h w), 0 to 1, raster order


class WholeMapNorm(nn.Module):
    """LayerNorm over channels and positions together, without weights."""

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[1:])


class AdaptiveMask(nn.Module):
    """Scores, choice and projection. Gradients reach the scoring network through the kept positions alone."""

    def __init__(self, config: MqVaeConfig) -> None:
        super().__init__()
        channels = config.features
        self.kept, self.selection, self.pointwise = config.kept, config.selection, config.score == "linear"
        if config.selection == "learnt":
            self.score_pred_net = _linear(channels) if self.pointwise else _convolution(channels)
        self.pre_projection = nn.Linear(channels, config.dim, bias=False)

    def scores(self, features: Tensor) -> Tensor:
        """(B, features, h, w) to (B, h w), 0 to 1."""
        if self.pointwise:
            return self.score_pred_net(features.flatten(2).transpose(1, 2))[:, :, 0].sigmoid()
        return self.score_pred_net(features).flatten(1).sigmoid()

    def forward(self, features: Tensor, kept: int | None = None) -> Masked:
        """(B, features, h, w); keeps so many positions, or else int(share x h w) of them."""
        batch, channels, height, width = features.shape
        kept = int(self.kept * height * width) if kept is None else kept
        tokens = F.layer_norm(features.flatten(2).transpose(1, 2), (channels,))
        if self.selection == "learnt":
            scores = self.scores(features)
        else:
            scores = baseline_scores(self.selection, batch, height, width).to(features)
        order = scores.detach().argsort(dim=1, descending=True, stable=True)
        positions, remaining = order[:, :kept], order[:, kept:]
        chosen = tokens.gather(1, positions[:, :, None].expand(-1, -1, channels))
        if self.selection == "learnt":
            chosen = chosen * scores.gather(1, positions)[:, :, None]
        return Masked(self.pre_projection(chosen).transpose(1, 2), positions, remaining, scores)


def _convolution(channels: int) -> nn.Sequential:
    """The public configurations' scoring network.

    Its BatchNorm does not change the ranking within a batch, only the scale of the scores.
    """
    return nn.Sequential(
        WholeMapNorm(),
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(channels, 1, 1),
        nn.BatchNorm2d(1),
    )


def _linear(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(channels, channels), nn.ReLU(), nn.Linear(channels, 1))


def baseline_scores(selection: Selection, batch: int, height: int, width: int) -> Tensor:
    """(B, h w): random scores, or those of a lattice whose first positions lie as far apart as they can.

    The lattice is the order of ordered dither (Bayer 1973): a quarter is every second row and column.
    """
    if selection == "random":
        return torch.rand(batch, height * width)
    bits = max(height - 1, width - 1).bit_length()
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    rank = torch.zeros(height, width, dtype=torch.int64)
    for bit in range(bits):
        row, column = rows >> bit & 1, columns >> bit & 1
        rank = 4 * rank + 2 * (row ^ column) + row
    return -rank.flatten().float().expand(batch, -1)


def mask_map(positions: Tensor, count: int) -> Tensor:
    """(B, k) raster indices to (B, count) floats, 1 = kept."""
    return torch.zeros(len(positions), count, device=positions.device).scatter_(1, positions, 1.0)
