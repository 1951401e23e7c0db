"""Indices to symbols and back, coarsest lattice first: by the model's table, or raw, without a model."""

from __future__ import annotations

import numpy as np

from ulbic.bitstream.symbols import Reader, SymbolWriter
from ulbic.bitstream.tables import FrequencyTables

from .schedule import sending_order


def prefers_raw(indices: np.ndarray, schedule: str, table: FrequencyTables) -> bool:
    """Whether the indices that the schedule sends cost less in raw form."""
    sent = indices.ravel()[sending_order(schedule, *indices.shape)]
    return table.cost(sent, np.zeros_like(sent)) > len(sent) * np.log2(len(table.frequencies[0]))


def encode_indices(
    writer: SymbolWriter, indices: np.ndarray, schedule: str, table: FrequencyTables, raw: bool
) -> None:
    """Writes those of the index map (h, w) that the schedule sends."""
    sent = indices.ravel()[sending_order(schedule, *indices.shape)]
    if raw:
        writer.write_uniform(sent, len(table.frequencies[0]))
    else:
        writer.write(sent, np.zeros_like(sent), table)


def decode_indices(
    reader: Reader, size: tuple[int, int], schedule: str, table: FrequencyTables, raw: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The index map (h, w) int64, 0 where nothing was received, and where it was, (h, w) bool."""
    indices, received = np.zeros(size, np.int64), np.zeros(size, bool)
    positions = sending_order(schedule, *size)
    if raw:
        sent = reader.read_uniform(len(positions), len(table.frequencies[0]))
    else:
        sent = reader.read_certain(np.zeros_like(positions), table)
    indices.ravel()[positions[: len(sent)]] = sent
    received.ravel()[positions[: len(sent)]] = True
    return indices, received
