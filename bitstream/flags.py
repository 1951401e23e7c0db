"""Flags whose cost follows what was counted: of the map of boosts, and of chosen indices (docs/format.md)."""

from __future__ import annotations

from .tables import TOTAL

_SEEN = 2  # what a flag adds to its count


class FlagCounts:
    """How often a flag has been 0 and 1 so far."""

    def __init__(self, zeros: int, ones: int) -> None:
        """What it starts from, as if so many halves had been seen."""
        self._counts = [zeros, ones]

    @property
    def ones(self) -> int:
        """The frequency of a 1, of TOTAL, under which the next flag is coded."""
        return min(max(TOTAL * self._counts[1] // sum(self._counts), 1), TOTAL - 1)

    def add(self, flag: int) -> None:
        """Counts a flag, 0 or 1."""
        self._counts[flag] += _SEEN
