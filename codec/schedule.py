"""Mask schedules: which indices of the map are sent, as a pure function of its size.

A schedule "a_b" sends a regular lattice of a out of every b indices, so that positions cost no bits.
The lattices are nested: each one contains all coarser ones.
"""

from __future__ import annotations

import numpy as np

from ulbic.bitstream.container import SCHEDULES


def sent_mask(schedule: str, height: int, width: int) -> np.ndarray:
    """(height, width) bool, true where `schedule` sends the index.

    Raises:
        KeyError: no such schedule.
    """
    return _level(height, width) < _SENT_LEVELS[schedule]


def sending_order(schedule: str, height: int, width: int) -> np.ndarray:
    """Flat positions of the sent indices, coarsest lattice first, raster order within; int64."""
    level = _level(height, width).ravel()
    positions = np.flatnonzero(level < _SENT_LEVELS[schedule])
    return positions[np.argsort(level[positions], kind="stable")]


_SENT_LEVELS = {name: level for level, name in enumerate(SCHEDULES)}


def _level(height: int, width: int) -> np.ndarray:
    """0 on the 1_16 lattice, 1 on what 1_8 adds, and so on up to 4 on what 1_1 adds."""
    rows, columns = np.arange(height)[:, None], np.arange(width)[None]
    level = np.full((height, width), 4)
    level[(rows + columns) % 2 == 0] = 3
    level[(rows % 2 == 0) & (columns % 2 == 0)] = 2
    level[(rows % 2 == 0) & (columns % 2 == 0) & ((rows + columns) % 4 == 0) & (rows % 4 == 2)] = 1
    level[(rows % 4 == 0) & (columns % 4 == 0)] = 0
    return level
