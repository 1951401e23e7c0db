"""The first family of index modes: a regular lattice of the map, whose positions cost no bits. Free of torch.

"a_b" sends a out of every b indices: "1_4" is HybridFlow's own. The lattices are nested: each one contains
all coarser ones, and is sent coarsest first, so that the start of a cut file is a coarser lattice.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ulbic.bitstream.symbols import Reader, SymbolWriter

from .index_mode import IndexContext, ReceivedIndices

_LEVELS = 5  # of nested lattices


@dataclass(frozen=True, kw_only=True)
class Lattice:
    """An `IndexMode`: the indices whose `level` is below `levels`."""

    number: int
    name: str
    levels: int  # 0 sends nothing, 5 everything

    @property
    def sends_nothing(self) -> bool:
        return self.levels == 0

    def choose(self, size: tuple[int, int], worth: Callable[[], np.ndarray]) -> np.ndarray:
        return self.training_mask(*size)

    def prefers_raw(self, sent: ReceivedIndices, context: IndexContext) -> bool:
        trial = SymbolWriter()
        self.encode(trial, sent, context)
        return trial.ideal_bits > int(sent.received.sum()) * math.log2(context.table.size(0))

    def encode(self, writer: SymbolWriter, sent: ReceivedIndices, context: IndexContext) -> None:
        from .index_coding import encode_indices

        encode_indices(writer, sent.indices, self.positions(*sent.indices.shape), context)

    def decode(self, reader: Reader, size: tuple[int, int], context: IndexContext) -> ReceivedIndices:
        from .index_coding import decode_indices

        return decode_indices(reader, size, self.positions(*size), context)

    def training_mask(self, rows: int, columns: int) -> np.ndarray:
        return level(rows, columns) < self.levels

    def positions(self, rows: int, columns: int) -> list[np.ndarray]:
        """Flat positions (n,) int64 of each level that is sent, in raster order."""
        levels = level(rows, columns).ravel()
        return [np.flatnonzero(levels == number) for number in range(self.levels)]


def level(rows: int, columns: int) -> np.ndarray:
    """(rows, columns) int: 0 on the "1_16" lattice, 1 on what "1_8" adds, and so on up to 4."""
    row, column = np.arange(rows)[:, None], np.arange(columns)[None]
    levels = np.full((rows, columns), _LEVELS - 1)
    levels[(row + column) % 2 == 0] = 3
    levels[(row % 2 == 0) & (column % 2 == 0)] = 2
    levels[(row % 4 == 2) & (column % 4 == 2)] = 1
    levels[(row % 4 == 0) & (column % 4 == 0)] = 0
    return levels


LATTICE_NAMES = ("0", "1_16", "1_8", "1_4", "1_2", "1_1")
LATTICES = tuple(Lattice(number=n, name=name, levels=n) for n, name in enumerate(LATTICE_NAMES))
