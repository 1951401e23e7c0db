"""Sent indices to symbols and back: one walk over the passes of an index map, driven by a step.

The encoder's step writes, the decoder's reads. An index has probabilities of its own where the networks have
an index model; these are integers, made of the rounded output of its last hidden layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from ulbic.bitstream.symbols import Reader, SymbolWriter
from ulbic.bitstream.tables import FrequencyTables, softmax_frequencies
from ulbic.models.config import HIDDEN_STEPS, PLACES

from .index_mode import IndexContext, ReceivedIndices

_AT_ONCE = 4096  # indices whose frequencies are in memory


class IndexCall(NamedTuple):
    """Indices that are coded in one call, and how."""

    positions: np.ndarray  # (n,) int64, flat, in the map
    frequencies: np.ndarray | None  # (n, codes) int64; None: one table for all, or none
    table: FrequencyTables
    raw: bool

    def write(self, writer: SymbolWriter, symbols: np.ndarray) -> None:
        """Symbols (n,)."""
        if self.raw:
            writer.write_uniform(symbols, self.table.size(0))
        elif self.frequencies is None:
            writer.write(symbols, np.zeros_like(symbols), self.table)
        else:
            writer.write_each(symbols, self.frequencies)

    def read(self, reader: Reader) -> np.ndarray:
        """Symbols (n,), or the first of them where the file was cut."""
        if self.raw:
            return reader.read_uniform(len(self.positions), self.table.size(0))
        if self.frequencies is None:
            return reader.read_certain(np.zeros_like(self.positions), self.table)
        return reader.read_each(self.frequencies)


Step = Callable[[IndexCall], np.ndarray]  # to the call's symbols, as far as they are known


def encode_indices(
    writer: SymbolWriter, indices: np.ndarray, passes: Iterable[np.ndarray], context: IndexContext
) -> None:
    """Writes indices of a map (rows, columns), pass by pass.

    Args:
        passes: flat positions (n,) int64 of each; later ones know what earlier ones sent, and are not asked
            for before that.

    Raises:
        NearBoundaryError: try another rounding offset.
    """

    def write(call: IndexCall) -> np.ndarray:
        symbols = indices.ravel()[call.positions]
        call.write(writer, symbols)
        return symbols

    _walk((indices.shape[0], indices.shape[1]), passes, context, write)


def decode_indices(
    reader: Reader, size: tuple[int, int], passes: Iterable[np.ndarray], context: IndexContext
) -> ReceivedIndices:
    """The mirror of `encode_indices`, with passes that may depend on what was read; less behind a cut."""
    return _walk(size, passes, context, lambda call: call.read(reader))


def _walk(
    size: tuple[int, int], passes: Iterable[np.ndarray], context: IndexContext, step: Step
) -> ReceivedIndices:
    decoded = ReceivedIndices(np.zeros(size, np.int64), np.zeros(size, bool))
    modelled = context.networks.models_indices and not context.raw
    calls = _modelled_calls if modelled else _plain_calls
    for call in calls(passes, context, decoded):
        symbols = step(call)
        here = call.positions[: len(symbols)]
        decoded.indices.ravel()[here] = symbols
        decoded.received.ravel()[here] = True
    return decoded


def _plain_calls(
    passes: Iterable[np.ndarray], context: IndexContext, _: ReceivedIndices
) -> Iterator[IndexCall]:
    return (IndexCall(positions, None, context.table, context.raw) for positions in passes if len(positions))


def _modelled_calls(
    passes: Iterable[np.ndarray], context: IndexContext, decoded: ReceivedIndices
) -> Iterator[IndexCall]:
    """Each pass place by place; what a call sent is in `decoded` when the next one is asked for."""
    networks, columns, features = context.networks, decoded.indices.shape[1], None
    for positions in passes:
        rows_of, columns_of = np.divmod(positions, columns)
        for number, (row, column) in enumerate(PLACES):
            here = (rows_of % 2 == row) & (columns_of % 2 == column)
            if not here.any():
                continue
            if features is None:
                features = networks.index_features(context.y_hat, context.gains)
            indices, known = _on_cells(decoded, features)
            hidden = networks.index_hidden(features, indices, known, number)
            cells = torch.from_numpy(rows_of[here] // 2), torch.from_numpy(columns_of[here] // 2)
            rounded = context.rounding(hidden[0].permute(1, 2, 0)[cells] * HIDDEN_STEPS)
            for start in range(0, len(rounded), _AT_ONCE):
                part = slice(start, start + _AT_ONCE)
                logits = networks.index_logits(rounded[part]).cpu().numpy()
                yield IndexCall(positions[here][part], softmax_frequencies(logits), context.table, False)


def _on_cells(decoded: ReceivedIndices, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Indices and marks, (1, 2 h, 2 w) each, of whole latent cells."""
    rows, columns = decoded.indices.shape
    missing = (0, 2 * features.shape[3] - columns, 0, 2 * features.shape[2] - rows)
    indices, known = (F.pad(torch.from_numpy(a)[None].to(features.device), missing) for a in decoded)
    return indices, known
