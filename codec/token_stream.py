"""Indices to symbols and back: raw codes of log2(codes) bits, coarsest lattice first."""

from __future__ import annotations

import numpy as np
from ulbic.bitstream.symbols import SymbolReader, SymbolWriter

from .schedule import sending_order


def encode_indices(writer: SymbolWriter, indices: np.ndarray, schedule: str, codes: int) -> None:
    """Writes those of the index map (h, w) that the schedule sends."""
    writer.write_uniform(indices.ravel()[sending_order(schedule, *indices.shape)], codes)


def decode_indices(reader: SymbolReader, size: tuple[int, int], schedule: str, codes: int) -> np.ndarray:
    """The index map (h, w) int64, 0 where nothing was sent."""
    indices = np.zeros(size[0] * size[1], np.int64)
    positions = sending_order(schedule, *size)
    indices[positions] = reader.read_uniform(len(positions), codes)
    return indices.reshape(size)
