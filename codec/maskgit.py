"""Iterative parallel decoding of the indices that were not sent (MaskGIT, Chang 2022; MAGE suppl. §3).

What was received is certain and never masked again. Decoding takes the most probable codes and so needs no
random numbers; generation hands in noise of its own (`generate`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ulbic.models.config import WINDOW

from .networks import Networks
from .windows import Group, groups


@dataclass(frozen=True, kw_only=True)
class MaskGitConfig:
    """Settings of the iteration. The paper generates from nothing with 20 steps at temperature 6."""

    steps: int = 2  # more change nothing measurable in `tiny` (docs/parts.md)
    temperature: float = 0.0  # of the noise on the confidence; 0 = none
    sampled: bool = False  # draw the codes, instead of the most probable ones
    noise: Callable[[Tensor], Tensor] = torch.zeros_like  # Gumbel noise of a tensor's shape, type and device


DECODING = MaskGitConfig()


@torch.no_grad()
def complete_indices(
    networks: Networks,
    indices: Tensor,
    received: Tensor,
    assist: Callable[[Group], Tensor] | None,
    config: MaskGitConfig = DECODING,
) -> Tensor:
    """Fills an index map, one group of windows after the other.

    Args:
        indices: (h, w) int64, valid where `received` (h, w) bool.
        assist: gives a group's features of the continuous stream (`Restoring.assist`); or None.

    Returns:
        (h, w) int64, equal to `indices` where received.
    """
    if bool(received.all()):
        return indices
    result, missing = indices.clone(), ~received
    height, width = indices.shape
    for group in groups(height, width, WINDOW, 0):
        known = torch.stack([_padded(window.of(received)) for window in group.windows])
        current = torch.stack([_padded(window.of(indices)) for window in group.windows])
        context = assist(group) if assist is not None else None
        completed = _iterate(networks, current, known, context, config)
        for window, filled in zip(group.windows, completed, strict=True):
            places = window.of(missing)
            window.of(result)[places] = filled[: window.height, : window.width][places]
            places[:] = False  # the first window that covers a place decides
    return result


def _iterate(
    networks: Networks,
    current: Tensor,
    known: Tensor,
    context: Tensor | None,
    config: MaskGitConfig,
) -> Tensor:
    """(n, 16, 16) windows with every index filled: predict, keep the most confident, mask the rest."""
    masked = ~known
    total = masked.flatten(1).sum(dim=1)
    for step in range(1, config.steps + 1):
        log_p = F.log_softmax(_predicted(networks, current, masked, context), dim=-1)
        draw = log_p + config.noise(log_p) if config.sampled else log_p
        guess = draw.argmax(dim=-1)
        confidence = log_p.gather(-1, guess[..., None])[..., 0]
        current = torch.where(masked, guess.view_as(current), current)
        if step == config.steps:
            break
        if config.temperature:
            confidence = confidence + config.temperature * (1 - step / config.steps) * config.noise(
                confidence
            )
        confidence = confidence.masked_fill(~masked.flatten(1), math.inf)
        left = (total * math.cos(math.pi / 2 * step / config.steps)).floor()
        rank = confidence.argsort(dim=1, stable=True).argsort(dim=1)
        masked = (rank < left[:, None]).view_as(masked) & masked
    return current


def _predicted(networks: Networks, current: Tensor, masked: Tensor, context: Tensor | None) -> Tensor:
    """Logits (n, 256, codes), float32; zeros for windows that are complete, which cost nothing."""
    open_windows = masked.flatten(1).any(dim=1)
    if bool(open_windows.all()):
        return networks.predict(current, masked, context)
    features = None if context is None else context[open_windows]
    logits = networks.predict(current[open_windows], masked[open_windows], features)
    return logits.new_zeros(len(masked), *logits.shape[1:]).index_copy(
        0, open_windows.nonzero()[:, 0], logits
    )


def _padded(window: Tensor) -> Tensor:
    """A window of a small map, filled up with what counts as masked."""
    return F.pad(window, (0, WINDOW - window.shape[1], 0, WINDOW - window.shape[0]))
