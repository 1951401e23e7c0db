"""What an index mode is: a way to choose, code and receive a subset of the index map. Free of torch.

A mode is added by one `INDEX_MODES.register` of an object with these attributes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from ulbic.bitstream.symbols import Reader, SymbolWriter
from ulbic.bitstream.tables import FrequencyTables

if TYPE_CHECKING:
    from torch import Tensor

    from .exactness import ExactRounding
    from .networks import Networks


@dataclass(frozen=True, kw_only=True)
class IndexContext:
    """What encoder and decoder both have when the indices are coded, after the latents."""

    y_hat: Tensor  # (1, latents, h, w) float64: the decoded latents
    gains: Tensor  # (1,) or (1, h, w): their rate points
    networks: Networks
    rounding: ExactRounding  # by which alone a network's value may decide a symbol
    table: FrequencyTables  # of all indices, one table, for networks without an index model
    raw: bool = False  # the header's flag: no model at all


class ReceivedIndices(NamedTuple):
    """What a decoder has of the index map, or is to have."""

    indices: np.ndarray  # (rows, columns) int64, 0 where not received
    received: np.ndarray  # (rows, columns) bool


class IndexMode(Protocol):
    """One entry of the registry."""

    @property
    def number(self) -> int:
        """In files, 0 to 255, fixed for ever; 0 to 5 fit into the short form of the header's settings."""

    @property
    def name(self) -> str:
        """On the command line."""

    @property
    def sends_nothing(self) -> bool:
        """Whether it never sends an index, so that the encoder need not know any."""

    def choose(self, size: tuple[int, int], worth: Callable[[], np.ndarray]) -> np.ndarray:
        """(rows, columns) bool: which indices of a map of that size an encoder sends.

        Args:
            worth: gives what each index is worth to the picture (rows, columns); it takes its time, and only
                a mode whose choice depends on the picture asks.
        """

    def prefers_raw(self, sent: ReceivedIndices, context: IndexContext) -> bool:
        """Whether what is sent is cheaper without any model of the indices.

        Raises:
            NearBoundaryError: as `encode`.
        """

    def encode(self, writer: SymbolWriter, sent: ReceivedIndices, context: IndexContext) -> None:
        """Writes the indices that were chosen.

        Raises:
            NearBoundaryError: a value lies too near to a rounding boundary; the encoder tries another offset.
        """

    def decode(self, reader: Reader, size: tuple[int, int], context: IndexContext) -> ReceivedIndices:
        """The mirror of `encode`, for a map of that size; less is received where the file was cut."""

    def training_mask(self, rows: int, columns: int) -> np.ndarray:
        """(rows, columns) bool: which indices count as received when the networks are trained."""
