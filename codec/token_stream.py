"""Indices to symbols and back: raw codes of log2(codes) bits, coarsest lattice first."""

from __future__ import annotations

import numpy as np
from ulbic.bitstream.symbols import Reader, SymbolWriter

from .schedule import sending_order


def encode_indices(writer: SymbolWriter, indices: np.ndarray, schedule: str, codes: int) -> None:
    """Writes those of the index map (h, w) that the schedule sends."""
    writer.write_uniform(indices.ravel()[sending_order(schedule, *indices.shape)], codes)


def decode_indices(
    reader: Reader, size: tuple[int, int], schedule: str, codes: int
) -> tuple[np.ndarray, np.ndarray]:
    """The index map (h, w) int64, 0 where nothing was received, and where it was, (h, w) bool."""
    indices, received = np.zeros(size, np.int64), np.zeros(size, bool)
    positions = sending_order(schedule, *size)
    sent = reader.read_uniform(len(positions), codes)
    indices.ravel()[positions[: len(sent)]] = sent
    received.ravel()[positions[: len(sent)]] = True
    return indices, received
