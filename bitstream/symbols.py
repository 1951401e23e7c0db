"""The entropy coder: integers under integer tables to bytes and back, one coder state for a whole file.

A writer and a reader are driven by the same calls in the same order. The coder is constriction's range
coder (first in, first out), so that what is read may decide what is read next.
"""

from __future__ import annotations

import hashlib
import math
from typing import Protocol

import constriction
import numpy as np

from ulbic.errors import DamagedError

from .tables import PRECISION, TOTAL, FrequencyTables


class Reader(Protocol):
    """What a decoder reads symbols from."""

    def read(self, indices: np.ndarray, tables: FrequencyTables) -> np.ndarray:
        """Symbols (n,) int64 under tables `indices` (n,)."""

    def read_certain(self, indices: np.ndarray, tables: FrequencyTables) -> np.ndarray:
        """The same, but only those before a cut."""

    def read_uniform(self, count: int, size: int) -> np.ndarray:
        """Up to `count` symbols int64 from 0 to size - 1; fewer only where the file was cut."""

    def read_each(self, frequencies: np.ndarray) -> np.ndarray:
        """Symbols int64 from 0, one under each row of frequencies (n, symbols); fewer behind a cut."""

    def read_flag(self, ones: int) -> int:
        """A flag that is 1 with the frequency `ones` of TOTAL; behind a cut the more probable value."""


class SymbolDigest:
    """SHA-256 of symbols in coding order, each a little-endian int32: one line to compare two machines."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def update(self, symbols: np.ndarray) -> None:
        self._hash.update(symbols.astype("<i4").tobytes())

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


class SymbolWriter:
    """Collects symbols; `finish` gives the bytes."""

    def __init__(self) -> None:
        self.digest = SymbolDigest()
        self.ideal_bits = 0.0  # sum of -log2 p so far
        self._encoder = constriction.stream.queue.RangeEncoder()

    def write(self, symbols: np.ndarray, indices: np.ndarray, tables: FrequencyTables) -> None:
        """Symbols (n,) int, each within its table `indices[i]`; table by table in ascending order."""
        self.digest.update(symbols)
        self.ideal_bits += tables.cost(symbols, indices)
        for i in np.unique(indices):
            self._put(symbols[indices == i] - tables.lowest[i], _categorical(tables, i))

    def write_uniform(self, symbols: np.ndarray, size: int) -> None:
        """Symbols (n,) from 0 to size - 1 without a model: log2(size) bits each."""
        self.digest.update(symbols)
        self.ideal_bits += len(symbols) * math.log2(size)
        if len(symbols):
            self._put(symbols, constriction.stream.model.Uniform(size))

    def write_each(self, symbols: np.ndarray, frequencies: np.ndarray) -> None:
        """Symbols (n,) from 0, each under its row of frequencies (n, symbols) that add up to TOTAL."""
        self.digest.update(symbols)
        own = frequencies[np.arange(len(symbols)), symbols]
        self.ideal_bits += float(np.sum(PRECISION - np.log2(own)))
        for symbol, row in zip(symbols, frequencies, strict=True):
            self._put(np.array([symbol]), _model(row))

    def write_flag(self, flag: int, ones: int) -> None:
        """One symbol, 0 or 1, of which 1 has the frequency `ones`, 1 to TOTAL - 1."""
        symbol = np.array([flag])
        self.digest.update(symbol)
        self.ideal_bits += PRECISION - math.log2(ones if flag else TOTAL - ones)
        self._put(symbol, _binary(ones))

    def _put(self, counted: np.ndarray, model: object) -> None:
        self._encoder.encode(counted.astype(np.int32), model)

    def finish(self) -> bytes:
        """The shortest string of bytes that a reader, which reads zeros behind its end, decodes alike.

        Read as a fraction, any string from `low` to below `low + width` is decoded alike, and no other.
        """
        position, (lower, width) = self._encoder.pos()  # words written except for carries; what follows them
        size = 4 * position + 8
        sealed = self._encoder.get_compressed().astype(">u4").tobytes()
        inside = int.from_bytes(sealed.ljust(size, b"\0")[:size], "big")
        low = inside - (inside - lower) % (1 << 64)
        if low == 0:
            return b""
        differing = (low - 1) ^ (low + width - 1)
        cut = (differing.bit_length() - 1) // 8 * 8  # the most whole bytes that can be zero
        value = inside >> cut << cut
        if value < low:
            value += 1 << cut
        return value.to_bytes(size, "big").rstrip(b"\0")


class SymbolReader:
    """Reads what a SymbolWriter wrote, given the same tables in the same order."""

    def __init__(self, data: bytes) -> None:
        self.digest = SymbolDigest()
        self._decoder = _decoder(data)

    def read(self, indices: np.ndarray, tables: FrequencyTables) -> np.ndarray:
        """Symbols (n,) int64 under tables `indices` (n,).

        Raises:
            DamagedError: no writer makes such bytes.
        """
        symbols = np.empty(len(indices), np.int64)
        for i in np.unique(indices):
            here = indices == i
            symbols[here] = (
                _decode(self._decoder, _categorical(tables, i), int(here.sum())) + tables.lowest[i]
            )
        self.digest.update(symbols)
        return symbols

    read_certain = read

    def read_uniform(self, count: int, size: int) -> np.ndarray:
        """`count` symbols (n,) int64 from 0 to size - 1. Raises as `read`."""
        symbols = np.empty(0, np.int64)
        if count:
            symbols = _decode(self._decoder, constriction.stream.model.Uniform(size), count)
        self.digest.update(symbols)
        return symbols

    def read_each(self, frequencies: np.ndarray) -> np.ndarray:
        """A symbol under each row. Raises as `read`."""
        symbols = [int(_decode(self._decoder, _model(row), 1)[0]) for row in frequencies]
        self.digest.update(np.array(symbols, np.int64))
        return np.array(symbols, np.int64)

    def read_flag(self, ones: int) -> int:
        """0 or 1, of which 1 has the frequency `ones`. Raises as `read`."""
        symbol = _decode(self._decoder, _binary(ones), 1)
        self.digest.update(symbol)
        return int(symbol[0])


class PartialReader:
    """Reads a string that may have been cut, as far as what is left decides the symbols.

    What was cut off could have been anything from all zeros to all ones. A symbol is certain exactly if
    both give it; behind the first one that is not, every symbol is its table's most probable one.
    """

    def __init__(self, data: bytes, *, whole: bool = False) -> None:
        """`whole`: nothing was cut off; bytes that no writer makes still end what is certain."""
        self._low, self._high = _decoder(data), _decoder(data if whole else data + b"\xff" * 64)
        self._cut = False
        self.certain = 0  # symbols so far
        self.missing = 0

    @property
    def missing_share(self) -> float:
        """Share of the symbols asked for so far that the cut took away."""
        return self.missing / max(self.certain + self.missing, 1)

    def read(self, indices: np.ndarray, tables: FrequencyTables) -> np.ndarray:
        """Symbols (n,) int64 under tables `indices` (n,), missing ones at their most probable value."""
        symbols = np.array([tables.likeliest(i) for i in range(len(tables.lowest))])[indices]
        for i in np.unique(indices):
            places = np.flatnonzero(indices == i)
            known = self._next(_categorical(tables, i), len(places))
            symbols[places[: len(known)]] = np.array(known, np.int64) + tables.lowest[i]
        return symbols

    def read_certain(self, indices: np.ndarray, tables: FrequencyTables) -> np.ndarray:
        """The first of the symbols, all under one table, that are certain."""
        before = self.certain
        symbols = self.read(indices, tables)
        return symbols[: self.certain - before]

    def read_uniform(self, count: int, size: int) -> np.ndarray:
        """The first of `count` symbols that are certain."""
        return np.array(self._next(constriction.stream.model.Uniform(size), count), np.int64)

    def read_each(self, frequencies: np.ndarray) -> np.ndarray:
        """Those under the first rows that are certain."""
        known = [symbol for row in frequencies for symbol in self._next(_model(row), 1)]
        return np.array(known, np.int64)

    def read_flag(self, ones: int) -> int:
        """0 or 1, the more probable one where it is not certain; 0 of equal ones."""
        return next(iter(self._next(_binary(ones), 1)), int(2 * ones > TOTAL))

    def _next(self, model: object, count: int) -> list[int]:
        known: list[int] = []
        while not self._cut and len(known) < count:
            try:
                low, high = (int(_decode(d, model, 1)[0]) for d in (self._low, self._high))
            except DamagedError:
                self._cut = True
            else:
                self._cut = low != high
            if not self._cut:
                known.append(low)
        self.certain += len(known)
        self.missing += count - len(known)
        return known


def _decoder(data: bytes) -> constriction.stream.queue.RangeDecoder:
    words = np.frombuffer(data + bytes(-len(data) % 4), ">u4").astype(np.uint32)
    return constriction.stream.queue.RangeDecoder(words)


def _decode(decoder: constriction.stream.queue.RangeDecoder, model: object, count: int) -> np.ndarray:
    try:
        return np.asarray(decoder.decode(model, count), np.int64)
    except AssertionError:  # constriction's word for bytes that no encoder writes
        raise DamagedError("the payload is damaged") from None


def _categorical(tables: FrequencyTables, index: int) -> object:
    return _model(tables.frequencies[index])


def _binary(ones: int) -> object:
    return _model(np.array([TOTAL - ones, ones]))


def _model(frequencies: np.ndarray) -> object:
    exact = frequencies.astype(np.float64)  # small integers
    return constriction.stream.model.Categorical(exact, perfect=False)
