"""Iterative parallel decoding of the indices that were not sent (MaskGIT, Chang 2022; MAGE suppl. §3).

What was received is certain and never masked again. No framework random numbers: noise comes from a small
integer generator that the file seeds, so that every decoder fills in the same picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ulbic.models.config import WINDOW
from ulbic.models.predictor import MaskPredictor

from .windows import Group, groups


@dataclass(frozen=True, kw_only=True)
class MaskGitConfig:
    """Settings of the iteration. The paper generates from nothing with 20 steps at temperature 6."""

    steps: int = 2  # more change nothing measurable in `tiny` (docs/parts.md)
    temperature: float = 0.0  # of the Gumbel noise on the confidence; 0 = none
    sampled: bool = False  # draw the codes, instead of the most probable ones


@torch.no_grad()
def complete_indices(
    predictor: MaskPredictor,
    indices: Tensor,
    received: Tensor,
    assist: Callable[[Group], Tensor] | None,
    config: MaskGitConfig = MaskGitConfig(),
    seed: int = 0,
) -> Tensor:
    """Fills an index map, one group of windows after the other.

    Args:
        indices: (h, w) int64, valid where `received` (h, w) bool.
        assist: gives a group's features of the continuous stream (`ContinuousPart.assist`); or None.
        seed: from the file.

    Returns:
        (h, w) int64, equal to `indices` where received.
    """
    if bool(received.all()):
        return indices
    result, missing, noise = indices.clone(), ~received, GumbelNoise(seed)
    height, width = indices.shape
    for group in groups(height, width, WINDOW, 0):
        known = torch.stack([_padded(window.of(received)) for window in group.windows])
        current = torch.stack([_padded(window.of(indices)) for window in group.windows])
        context = assist(group) if assist is not None else None
        completed = _iterate(predictor, current, known, context, config, noise)
        for window, filled in zip(group.windows, completed, strict=True):
            places = window.of(missing)
            window.of(result)[places] = filled[: window.height, : window.width][places]
            places[:] = False  # the first window that covers a place decides
    return result


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
