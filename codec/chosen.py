"""The second family of index modes: the encoder chooses the indices, and flags say which. Free of torch.

`masked` sends indices where they are worth most to the picture (after MQ-VAE's adaptive mask, Huang 2023),
`dual` one index of every calm block of 32x32 pixels and all four of a busy one (after DQ-VAE, likewise).
Why an index was chosen, the encoder alone knows. What is coded first lies all over the picture, so that the
start of a cut file is a coarser choice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from ulbic.bitstream.flags import FlagCounts
from ulbic.bitstream.symbols import Reader, SymbolWriter
from ulbic.models.config import PLACES

from .index_mode import IndexContext, ReceivedIndices
from .lattices import LATTICES

_ZEROS, _ONES = 6, 1  # counts of the flags at first
_QUARTER = LATTICES[3]  # the first index of every block

Step = Callable[[int, int], int]  # position, frequency of ones -> flag
Tell = Callable[[np.ndarray], np.ndarray]  # flat positions (n,) -> flags (n,) bool


@dataclass(frozen=True, kw_only=True)
class Chosen(ABC):
    """What the modes of the family share."""

    number: int
    name: str
    share: float  # of the flags that an encoder sets, those of the highest worth
    sends_nothing: bool = False

    @abstractmethod
    def choose(self, size: tuple[int, int], worth: Callable[[], np.ndarray]) -> np.ndarray:
        """As an `IndexMode`."""

    @abstractmethod
    def flags(self, received: np.ndarray) -> np.ndarray:
        """(rows, columns) bool: what `passes` is told at a position."""

    @abstractmethod
    def passes(self, size: tuple[int, int], tell: Tell) -> Iterator[np.ndarray]:
        """Flat positions (n,) of each pass; asks for flags in the order in which they are coded."""

    def prefers_raw(self, sent: ReceivedIndices, context: IndexContext) -> bool:
        trials = SymbolWriter(), SymbolWriter()
        for raw, trial in enumerate(trials):
            self.encode(trial, sent, replace(context, raw=bool(raw)))
        return trials[0].ideal_bits > trials[1].ideal_bits

    def encode(self, writer: SymbolWriter, sent: ReceivedIndices, context: IndexContext) -> None:
        from .index_coding import encode_indices

        flags = self.flags(sent.received).ravel()

        def write(position: int, ones: int) -> int:
            writer.write_flag(int(flags[position]), ones)
            return int(flags[position])

        size = sent.indices.shape[0], sent.indices.shape[1]
        encode_indices(writer, sent.indices, self.passes(size, _telling(write)), context)

    def decode(self, reader: Reader, size: tuple[int, int], context: IndexContext) -> ReceivedIndices:
        from .index_coding import decode_indices

        tell = _telling(lambda position, ones: reader.read_flag(ones))
        return decode_indices(reader, size, self.passes(size, tell), context)

    def training_mask(self, rows: int, columns: int) -> np.ndarray:
        """A lattice's: networks that were trained for lattices take any choice."""
        return _QUARTER.training_mask(rows, columns)


class Masked(Chosen):
    """Any indices; a flag for each."""

    def choose(self, size: tuple[int, int], worth: Callable[[], np.ndarray]) -> np.ndarray:
        return _best(worth(), self.share)

    def flags(self, received: np.ndarray) -> np.ndarray:
        return received

    def passes(self, size: tuple[int, int], tell: Tell) -> Iterator[np.ndarray]:
        return (positions[tell(positions)] for positions in _places(size))


class Dual(Chosen):
    """The first index of every block, and of the busy ones all; a flag for each block."""

    def choose(self, size: tuple[int, int], worth: Callable[[], np.ndarray]) -> np.ndarray:
        first = _QUARTER.training_mask(*size)
        blocks = _blocks(np.where(first, 0, worth())).sum(axis=(1, 3))
        return first | _on_indices(_best(blocks, self.share), size)

    def flags(self, received: np.ndarray) -> np.ndarray:
        others = received & ~_QUARTER.training_mask(*received.shape)
        return _on_indices(_blocks(others).any(axis=(1, 3)), received.shape)

    def passes(self, size: tuple[int, int], tell: Tell) -> Iterator[np.ndarray]:
        first, *others = _places(size)
        yield first
        busy = np.zeros(size, bool)
        busy.ravel()[first] = tell(first)
        busy = _on_indices(busy[::2, ::2], size).ravel()
        for positions in others:
            yield positions[busy[positions]]


def _telling(step: Step) -> Tell:
    counts = FlagCounts(_ZEROS, _ONES)

    def tell(positions: np.ndarray) -> np.ndarray:
        flags = np.zeros(len(positions), bool)
        for i, position in enumerate(positions.tolist()):
            flag = step(position, counts.ones)
            counts.add(flag)
            flags[i] = flag
        return flags

    return tell


def _places(size: tuple[int, int]) -> list[np.ndarray]:
    """Flat positions (n,) of the indices at each of `PLACES`, in raster order."""
    positions = np.arange(size[0] * size[1]).reshape(size)
    return [positions[row::2, column::2].ravel() for row, column in PLACES]


def _blocks(values: np.ndarray) -> np.ndarray:
    """(h, 2, w, 2) of (rows, columns), filled up with zeros to whole blocks."""
    rows, columns = values.shape
    whole = np.pad(values, ((0, rows % 2), (0, columns % 2)))
    return whole.reshape(whole.shape[0] // 2, 2, whole.shape[1] // 2, 2)


def _on_indices(blocks: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """(rows, columns) of (h, w): each index has its block's value."""
    return blocks.repeat(2, axis=0).repeat(2, axis=1)[: size[0], : size[1]]


def _best(worth: np.ndarray, share: float) -> np.ndarray:
    """(rows, columns) bool: the share of the highest values, rounded up; of equal ones the first."""
    best = np.zeros(worth.shape, bool)
    best.ravel()[np.argsort(-worth.ravel(), kind="stable")[: -int(-worth.size * share // 1)]] = True
    return best


MASKED = Masked(number=6, name="masked", share=1 / 8)
DUAL = Dual(number=7, name="dual", share=1 / 8)
