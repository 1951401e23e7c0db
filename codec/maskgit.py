"""Iterative parallel decoding of the indices that were not sent (MaskGIT, Chang 2022; MAGE suppl. §3).

What was received is certain and never masked again. No framework random numbers: noise comes from a small
integer generator that the file seeds, so that every decoder fills in the same picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ulbic.models.config import WINDOW
from ulbic.models.predictor import MaskPredictor

from .windows import Window, windows


@dataclass(frozen=True, kw_only=True)
class MaskGitConfig:
    """Settings of the iteration. The paper generates from nothing with 20 steps at temperature 6."""

    steps: int = 4  # more change nothing measurable in `tiny` (docs/parts.md)
    temperature: float = 0.0  # of the Gumbel noise on the confidence; 0 = none
    sampled: bool = False  # draw the codes, instead of the most probable ones


@torch.no_grad()
def complete_indices(
    predictor: MaskPredictor,
    indices: Tensor,
    received: Tensor,
    assist: Tensor | None,
    config: MaskGitConfig = MaskGitConfig(),
    seed: int = 0,
) -> Tensor:
    """Fills an index map.

    Args:
        indices: (h, w) int64, valid where `received` (h, w) bool.
        assist: (1, C, h s, w s) features of the continuous stream, s = 1 or 1/2; or None.
        seed: from the file.

    Returns:
        (h, w) int64, equal to `indices` where received.
    """
    if bool(received.all()):
        return indices
    height, width = indices.shape
    plan = list(windows(height, width, WINDOW, 0))
    known = torch.stack([_padded(w.of(received)) for w in plan])
    current = torch.stack([_padded(w.of(indices)) for w in plan])
    context = None if assist is None else torch.cat([_assist_window(assist, w, height) for w in plan])
    completed = _iterate(predictor, current, known, context, config, GumbelNoise(seed))
    result = indices.clone()
    for window, filled in zip(reversed(plan), completed.flip(0), strict=True):  # the first owner wins
        window.of(result)[:] = filled[: window.height, : window.width]
    return torch.where(received, indices, result)


def _iterate(
    predictor: MaskPredictor,
    current: Tensor,
    known: Tensor,
    context: Tensor | None,
    config: MaskGitConfig,
    noise: GumbelNoise,
) -> Tensor:
    """(n, 16, 16) windows with every index filled: predict, keep the most confident, mask the rest."""
    masked = ~known
    total = masked.flatten(1).sum(dim=1)
    for step in range(1, config.steps + 1):
        log_p = F.log_softmax(_predicted(predictor, current, masked, context), dim=-1)
        draw = log_p + noise.like(log_p) if config.sampled else log_p
        guess = draw.argmax(dim=-1)
        confidence = log_p.gather(-1, guess[..., None])[..., 0]
        current = torch.where(masked, guess.view_as(current), current)
        if step == config.steps:
            break
        if config.temperature:
            confidence = confidence + config.temperature * (1 - step / config.steps) * noise.like(confidence)
        confidence = confidence.masked_fill(~masked.flatten(1), math.inf)
        left = (total * math.cos(math.pi / 2 * step / config.steps)).floor()
        rank = confidence.argsort(dim=1, stable=True).argsort(dim=1)
        masked = (rank < left[:, None]).view_as(masked) & masked
    return current


def _predicted(predictor: MaskPredictor, current: Tensor, masked: Tensor, context: Tensor | None) -> Tensor:
    """Logits (n, 256, codes), float32; zeros for windows that are complete, which cost nothing."""
    open_windows = masked.flatten(1).any(dim=1)
    if bool(open_windows.all()):
        return predictor(current, masked, context).float()
    features = None if context is None else context[open_windows]
    logits = predictor(current[open_windows], masked[open_windows], features).float()
    return logits.new_zeros(len(masked), *logits.shape[1:]).index_copy(
        0, open_windows.nonzero()[:, 0], logits
    )


class GumbelNoise:
    """Gumbel noise from SplitMix64 (Steele 2014), integer arithmetic alone up to the last logarithm."""

    def __init__(self, seed: int) -> None:
        self._state = np.uint64(seed)

    def like(self, values: Tensor) -> Tensor:
        """Noise of the shape, type and device of `values`."""
        with np.errstate(over="ignore"):
            steps = np.arange(1, values.numel() + 1, dtype=np.uint64)
            z = self._state + steps * np.uint64(0x9E3779B97F4A7C15)
            self._state = z[-1]
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z = z ^ (z >> np.uint64(31))
        uniform = ((z >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
        return torch.from_numpy(-np.log(-np.log(uniform))).view(values.shape).to(values)


def _padded(window: Tensor) -> Tensor:
    """A window of a small map, filled up with what counts as masked."""
    return F.pad(window, (0, WINDOW - window.shape[1], 0, WINDOW - window.shape[0]))


def _assist_window(assist: Tensor, window: Window, height: int) -> Tensor:
    """The features of one window, (1, C, s, s), edges repeated where the map is smaller."""
    halved = assist.shape[2] < height
    shrink = 2 if halved else 1
    side = WINDOW // shrink
    top, left = window.top // shrink, window.left // shrink
    part = assist[:, :, top : top + side, left : left + side]
    return F.pad(part, (0, side - part.shape[3], 0, side - part.shape[2]), mode="replicate")
