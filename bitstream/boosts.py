"""The map of boosts: how much higher than the header's the gain of every latent cell is (docs/format.md).

It is coded as planes, one for each value, of the cells that have at least as much. A cell costs what its
neighbours leave open: the coder counts what has followed each of their eight patterns so far.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from ulbic.errors import DamagedError

from .flags import FlagCounts
from .symbols import Reader, SymbolWriter

BOOST_STEPS = 2  # from one gain to the next
MAX_BOOST = 16  # steps
_EXPECTED, _OTHER = 8, 1  # counts of a pattern at first: of what continues its edges, and of the other
_PATTERNS = tuple(itertools.product((0, 1), repeat=3))  # of the cells to the left, left above, and above

Step = Callable[[int, int, int], int]  # row, column, frequency of ones -> symbol


def write_boosts(writer: SymbolWriter, boosts: np.ndarray) -> None:
    """Boosts (h, w) int, steps from 0 to MAX_BOOST, not all of them 0."""
    levels = np.unique(boosts[boosts > 0])
    rises = np.diff(levels, prepend=0)
    writer.write_uniform(np.array([len(levels) - 1]), MAX_BOOST)
    inside = np.ones(boosts.shape, bool)
    for level, rise in zip(levels, rises, strict=True):
        writer.write_uniform(np.array([rise - 1]), MAX_BOOST)
        plane = (boosts >= level).astype(int)

        def write(row: int, column: int, ones: int, plane: np.ndarray = plane) -> int:
            writer.write_flag(plane[row, column], ones)
            return plane[row, column]

        inside = _walk(inside, write)


def read_boosts(reader: Reader, size: tuple[int, int]) -> np.ndarray:
    """The mirror of `write_boosts`: (h, w) int64; planes that a cut took away add nothing.

    Raises:
        DamagedError: more than MAX_BOOST.
    """
    boosts, inside = np.zeros(size, np.int64), np.ones(size, bool)
    for _ in range(1 + int(reader.read_uniform(1, MAX_BOOST).sum())):
        rise = reader.read_uniform(1, MAX_BOOST)
        if not len(rise):
            break
        inside = _walk(inside, lambda row, column, ones: reader.read_flag(ones))
        boosts += inside * (1 + rise)
    if boosts.max() > MAX_BOOST:
        raise DamagedError("the file asks for a higher boost of the gain than the format has")
    return boosts


def _walk(inside: np.ndarray, step: Step) -> np.ndarray:
    """A plane (h, w) bool: calls `step` for each cell `inside`, in raster order; all others are 0."""
    plane = np.zeros((inside.shape[0] + 1, inside.shape[1] + 1), np.int64)  # 0 above and to the left
    counts = [_first_counts(*pattern) for pattern in _PATTERNS]
    for row, column in np.argwhere(inside).tolist():
        left, corner, above = plane[row + 1, column], plane[row, column], plane[row, column + 1]
        count = counts[4 * left + 2 * corner + above]
        symbol = step(row, column, count.ones)
        count.add(symbol)
        plane[row + 1, column + 1] = symbol
    return plane[1:, 1:].astype(bool)


def _first_counts(left: int, corner: int, above: int) -> FlagCounts:
    """A cell is expected inside where its neighbours' edges, were they to go on, leave it there."""
    return FlagCounts(_OTHER, _EXPECTED) if left + above > corner else FlagCounts(_EXPECTED, _OTHER)
