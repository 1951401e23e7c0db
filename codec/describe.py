"""What a .ulb file says of itself, without weights and without torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from ulbic.bitstream.boosts import BOOST_STEPS, read_boosts
from ulbic.bitstream.chunks import name
from ulbic.bitstream.container import VERSION, Container, read_container
from ulbic.bitstream.symbols import SymbolReader
from ulbic.files import File, read_file
from ulbic.models.config import latent_size

from .index_modes import mode_of_file
from .profiles import PROFILES


@dataclass(frozen=True, kw_only=True)
class FileInfo:
    """The account of one file; `bpp` is 8 x file bytes / (width x height)."""

    version: int
    width: int
    height: int
    model_number: int
    model: str  # name; empty where this release does not know the number
    weights_tag: str
    gain: float
    index_mode: str
    raw_indices: bool
    rounding: int
    grey: bool
    boost: float  # highest that a region of interest has, in gain steps; 0 without one
    boosted: float  # share of the latent cells that have any, 0 to 1
    chunks: dict[str, int]  # bytes of each, by name
    file_bytes: int
    payload_bytes: int
    bpp: float

    @property
    def side_bytes(self) -> int:
        """Bytes that are not payload."""
        return self.file_bytes - self.payload_bytes

    def to_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def info(source: File) -> FileInfo:
    """Reads the header of a file, given its path, its bytes or the open file.

    Raises:
        InputError: the file cannot be read.
        NotUlbError, VersionError, DamagedError, LimitError: see `read_container`.
        VersionError: it has an index mode of the future.
        DamagedError: its map of boosts is none.
    """
    data = read_file(source)
    return describe(read_container(data), len(data))


def describe(container: Container, file_bytes: int) -> FileInfo:
    """The account of a file that was taken apart already."""
    header = container.header
    boosts = np.zeros((1, 1))
    if header.boosted:
        boosts = read_boosts(SymbolReader(container.payload), latent_size(header.width, header.height))
    known = PROFILES.numbered(header.model_number)
    return FileInfo(
        version=VERSION,
        width=header.width,
        height=header.height,
        model_number=header.model_number,
        model=known.name if known is not None else "",
        weights_tag=f"{header.weights_tag:03x}",
        gain=header.gain,
        index_mode=mode_of_file(header.index_mode).name,
        raw_indices=header.raw_indices,
        rounding=header.rounding,
        grey=header.grey,
        boost=float(boosts.max()) / BOOST_STEPS,
        boosted=float((boosts > 0).mean()),
        chunks={name(chunk.kind): len(chunk.data) for chunk in header.chunks},
        file_bytes=file_bytes,
        payload_bytes=len(container.payload),
        bpp=8 * file_bytes / (header.width * header.height),
    )
