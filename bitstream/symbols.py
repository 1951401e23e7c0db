"""The entropy coder: integers under integer tables to bytes and back, one coder state for a whole file.

A writer and a reader are driven by the same calls in the same order. The coder is constriction's range
coder (first in, first out), so that what is read may decide what is read next.
"""

from __future__ import annotations

import constriction
import numpy as np

from ulbic.errors import DamagedError

from .tables import FrequencyTables

_Step = tuple[np.ndarray, object]  # symbols counted from 0, and their model


class SymbolWriter:
    """Collects symbols; `finish` gives the bytes."""

    def __init__(self) -> None:
        self._encoder = constriction.stream.queue.RangeEncoder()
        self._steps: list[_Step] = []

    def write(self, symbols: np.ndarray, indices: np.ndarray, tables: FrequencyTables) -> None:
        """Symbols (n,) int, each within its table `indices[i]`; table by table in ascending order."""
        for i in np.unique(indices):
            self._put((symbols[indices == i] - tables.lowest[i]).astype(np.int32), _categorical(tables, i))

    def write_uniform(self, symbols: np.ndarray, size: int) -> None:
        """Symbols (n,) from 0 to size - 1 without a model: log2(size) bits each."""
        if len(symbols):
            self._put(symbols.astype(np.int32), constriction.stream.model.Uniform(size))

    def _put(self, symbols: np.ndarray, model: object) -> None:
        self._encoder.encode(symbols, model)
        self._steps.append((symbols, model))

    def finish(self) -> bytes:
        """The shortest string of bytes that a reader, which reads zeros behind its end, decodes alike."""
        sealed = self._encoder.get_compressed().astype(">u4").tobytes()
        shortest = sealed.rstrip(b"\0")
        for cut in range(1, 8):
            if cut > len(sealed):
                break
            head = sealed[: len(sealed) - cut]
            for candidate in (head, _successor(head)):
                candidate = candidate.rstrip(b"\0")
                if len(candidate) < len(shortest) and self._decodes(candidate):
                    shortest = candidate
        return shortest

    def _decodes(self, data: bytes) -> bool:
        decoder = _decoder(data)
        try:
            return all(np.array_equal(_decode(decoder, model, len(s)), s) for s, model in self._steps)
        except DamagedError:
            return False


class SymbolReader:
    """Reads what a SymbolWriter wrote, given the same tables in the same order."""

    def __init__(self, data: bytes) -> None:
        self._decoder = _decoder(data)

    def read(self, indices: np.ndarray, tables: FrequencyTables) -> np.ndarray:
        """Symbols (n,) int64 under tables `indices` (n,).

        Raises:
            DamagedError: no writer makes such bytes.
        """
        symbols = np.empty(len(indices), np.int64)
        for i in np.unique(indices):
            here = indices == i
            counted = _decode(self._decoder, _categorical(tables, i), int(here.sum()))
            symbols[here] = counted + tables.lowest[i]
        return symbols

    def read_uniform(self, count: int, size: int) -> np.ndarray:
        """`count` symbols (n,) int64 from 0 to size - 1."""
        if count == 0:
            return np.empty(0, np.int64)
        return _decode(self._decoder, constriction.stream.model.Uniform(size), count)


def _decoder(data: bytes) -> constriction.stream.queue.RangeDecoder:
    words = np.frombuffer(data + bytes(-len(data) % 4), ">u4").astype(np.uint32)
    return constriction.stream.queue.RangeDecoder(words)


def _decode(decoder: constriction.stream.queue.RangeDecoder, model: object, count: int) -> np.ndarray:
    try:
        return np.asarray(decoder.decode(model, count), np.int64)
    except AssertionError:  # constriction's word for bytes that no encoder writes
        raise DamagedError("the payload is damaged") from None


def _categorical(tables: FrequencyTables, index: int) -> object:
    frequencies = tables.frequencies[index].astype(np.float64)  # small integers: exact
    return constriction.stream.model.Categorical(frequencies, perfect=False)


def _successor(data: bytes) -> bytes:
    """The next larger string of the same length, b"" where there is none."""
    value = int.from_bytes(data, "big") + 1
    return value.to_bytes(len(data), "big") if value < 1 << (8 * len(data)) else b""
