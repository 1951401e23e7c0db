"""The first family of index modes: a regular lattice of the map, whose positions cost no bits. Free of torch.

"a_b" sends a out of every b indices: "1_4" is HybridFlow's own. The lattices are nested: each one contains
all coarser ones, and is sent coarsest first, so that the start of a cut file is a coarser lattice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ulbic.bitstream.symbols import Reader, SymbolWriter
from ulbic.bitstream.tables import FrequencyTables

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

    def prefers_raw(self, indices: np.ndarray, table: FrequencyTables) -> bool:
        sent = indices.ravel()[self.order(*indices.shape)]
        return table.cost(sent, np.zeros_like(sent)) > len(sent) * np.log2(_codes(table))

    def encode(self, writer: SymbolWriter, indices: np.ndarray, context: IndexContext) -> None:
        sent = indices.ravel()[self.order(*indices.shape)]
        if context.raw:
            writer.write_uniform(sent, _codes(context.table))
        else:
            writer.write(sent, np.zeros_like(sent), context.table)

    def decode(self, reader: Reader, size: tuple[int, int], context: IndexContext) -> ReceivedIndices:
        indices, received = np.zeros(size, np.int64), np.zeros(size, bool)
        positions = self.order(*size)
        if context.raw:
            sent = reader.read_uniform(len(positions), _codes(context.table))
        else:
            sent = reader.read_certain(np.zeros_like(positions), context.table)
        indices.ravel()[positions[: len(sent)]] = sent
        received.ravel()[positions[: len(sent)]] = True
        return ReceivedIndices(indices, received)

    def training_mask(self, rows: int, columns: int) -> np.ndarray:
        return level(rows, columns) < self.levels

    def order(self, rows: int, columns: int) -> np.ndarray:
        """Flat positions of what is sent, coarsest lattice first, raster order within; int64."""
        levels = level(rows, columns).ravel()
        positions = np.flatnonzero(levels < self.levels)
        return positions[np.argsort(levels[positions], kind="stable")]


def level(rows: int, columns: int) -> np.ndarray:
    """(rows, columns) int: 0 on the "1_16" lattice, 1 on what "1_8" adds, and so on up to 4."""
    row, column = np.arange(rows)[:, None], np.arange(columns)[None]
    levels = np.full((rows, columns), _LEVELS - 1)
    levels[(row + column) % 2 == 0] = 3
    levels[(row % 2 == 0) & (column % 2 == 0)] = 2
    levels[(row % 4 == 2) & (column % 4 == 2)] = 1
    levels[(row % 4 == 0) & (column % 4 == 0)] = 0
    return levels


def _codes(table: FrequencyTables) -> int:
    return len(table.frequencies[0])


LATTICE_NAMES = ("0", "1_16", "1_8", "1_4", "1_2", "1_1")
LATTICES = tuple(Lattice(number=n, name=name, levels=n) for n, name in enumerate(LATTICE_NAMES))
