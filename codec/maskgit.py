"""Iterative parallel decoding of the indices that were not sent (MaskGIT, Chang 2022; MAGE suppl. §3).

What was received is certain and never masked again. Decoding takes the most probable codes and so needs no
random numbers; generation hands in noise of its own (`generate`).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ulbic.models.config import WINDOW

from .networks import Networks
from .progress import unheard
from .windows import Window, windows


@dataclass(frozen=True, kw_only=True)
class MaskGitConfig:
    """Settings of the iteration. The paper generates from nothing with 20 steps at temperature 6."""

    steps: int = 2  # more change nothing measurable in `tiny` (docs/parts.md)
    temperature: float = 0.0  # of the noise on the confidence; 0 = none
    sampled: bool = False  # draw the codes, instead of the most probable ones
    noise: Callable[[Tensor], Tensor] = torch.zeros_like  # Gumbel noise of a tensor's shape, type and device


DECODING = MaskGitConfig()
_BATCH = 16  # windows at once


class Completion:
    """An index map filled from the top down, so that its upper rows can be painted before the rest."""

    def __init__(
        self,
        networks: Networks,
        indices: Tensor,
        received: Tensor,
        assist: Callable[[Window], Tensor] | None,
        config: MaskGitConfig = DECODING,
        count: Callable[[int], None] = unheard,
    ) -> None:
        """Fills nothing yet.

        Args:
            indices: (h, w) int64, valid where `received` (h, w) bool.
            assist: gives a window's features of the continuous stream (`Restoring.assist`); or None.
            count: called with the number of indices that have been filled since it was called before.
        """
        self.indices = indices.clone()  # (h, w) int64, equal to what was given where received
        self._networks, self._assist, self._config, self._count = networks, assist, config, count
        self._received, self._missing = received, ~received
        height, width = indices.shape
        self._left = deque(windows(height, width, WINDOW, 0))  # those that are not done yet

    @torch.no_grad()
    def reach(self, rows: int) -> None:
        """Fills at least the first `rows` rows of `indices`."""
        due = []
        while self._left and self._left[0].top < rows:
            window = self._left.popleft()
            if bool(window.of(self._missing).any()):
                due.append(window)
        for i in range(0, len(due), _BATCH):
            self._fill(due[i : i + _BATCH])

    def _fill(self, batch: Sequence[Window]) -> None:
        known = torch.stack([_padded(window.of(self._received)) for window in batch])
        current = torch.stack([_padded(window.of(self.indices)) for window in batch])
        context = torch.cat([self._assist(window) for window in batch]) if self._assist is not None else None
        completed = _iterate(self._networks, current, known, context, self._config)
        for window, filled in zip(batch, completed, strict=True):
            places = window.of(self._missing)
            self._count(int(places.sum()))
            window.of(self.indices)[places] = filled[: window.height, : window.width][places]
            places[:] = False  # the first window that covers a place decides


def complete_indices(
    networks: Networks,
    indices: Tensor,
    received: Tensor,
    assist: Callable[[Window], Tensor] | None,
    config: MaskGitConfig = DECODING,
) -> Tensor:
    """The same, all at once: (h, w) int64, equal to `indices` where received."""
    completion = Completion(networks, indices, received, assist, config)
    completion.reach(indices.shape[0])
    return completion.indices


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
        logits = _predicted(networks, current, masked, context)
        guess = (logits + config.noise(logits) if config.sampled else logits).argmax(dim=-1)
        current = torch.where(masked, guess.view_as(current), current)
        if step == config.steps:
            break
        confidence = logits.gather(-1, guess[..., None])[..., 0] - logits.logsumexp(dim=-1)
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
