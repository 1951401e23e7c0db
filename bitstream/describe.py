"""What a .ulb file says of itself, without weights and without torch."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path

from ulbic.errors import InputError

from .chunks import name
from .container import VERSION, read_container


@dataclass(frozen=True, kw_only=True)
class FileInfo:
    """The account of one file; `bpp` is 8 x file bytes / (width x height)."""

    version: int
    width: int
    height: int
    model_id: int
    weights_tag: str
    gain: float
    schedule: str
    raw_indices: bool
    rounding: int
    grey: bool
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


def info(source: str | os.PathLike[str] | bytes) -> FileInfo:
    """Reads the header of a file, given its path or its bytes.

    Raises:
        InputError: the file cannot be read.
        NotUlbError, VersionError, DamagedError, LimitError: see `read_container`.
    """
    data = source if isinstance(source, bytes) else read_bytes(source)
    header, payload, _ = read_container(data)
    return FileInfo(
        version=VERSION,
        width=header.width,
        height=header.height,
        model_id=header.model_id,
        weights_tag=f"{header.weights_tag:03x}",
        gain=header.gain,
        schedule=header.schedule,
        raw_indices=header.raw_indices,
        rounding=header.rounding,
        grey=header.grey,
        chunks={name(chunk.kind): len(chunk.data) for chunk in header.chunks},
        file_bytes=len(data),
        payload_bytes=len(payload),
        bpp=8 * len(data) / (header.width * header.height),
    )


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The whole file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {os.fspath(path)!r}: {error.strerror}") from None
