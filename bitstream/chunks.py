"""The chunks that this release knows: what travels beside the pixels (docs/format.md). All are optional."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from ulbic.errors import DamagedError, LimitError

from .container import MAX_CHUNK_BYTES, Chunk

ALPHA, ICC, EXIF, XMP = 1, 2, 3, 4
_NAMES = {ALPHA: "alpha", ICC: "icc", EXIF: "exif", XMP: "xmp"}
_DEFLATED = (ICC, EXIF, XMP)  # raw DEFLATE (RFC 1951); alpha is compressed already


def name(kind: int) -> str:
    """What a kind is called in accounts and JSON."""
    return _NAMES.get(kind, f"chunk {kind}")


def pack_chunks(contents: dict[int, bytes]) -> tuple[Chunk, ...]:
    """Chunks of the given kinds, in ascending order.

    Raises:
        LimitError: one is larger than a reader would accept.
    """
    if any(len(data) > MAX_CHUNK_BYTES for data in contents.values()):
        raise LimitError(f"metadata of more than {MAX_CHUNK_BYTES} bytes")
    return tuple(
        Chunk(kind, False, _deflate(data) if kind in _DEFLATED else data)
        for kind, data in sorted(contents.items())
    )


def unpack_chunks(chunks: Iterable[Chunk]) -> dict[int, bytes]:
    """The inverse of `pack_chunks`; kinds that this release does not know are skipped.

    Raises:
        DamagedError: a kind appears twice, or does not inflate to at most MAX_CHUNK_BYTES.
    """
    contents: dict[int, bytes] = {}
    for chunk in chunks:
        if chunk.kind in contents:
            raise DamagedError(f"the file has two chunks of the kind {name(chunk.kind)}")
        if chunk.kind in _NAMES:
            contents[chunk.kind] = _inflate(chunk) if chunk.kind in _DEFLATED else chunk.data
    return contents


def _deflate(data: bytes) -> bytes:
    return zlib.compress(data, 9, wbits=-zlib.MAX_WBITS)


def _inflate(chunk: Chunk) -> bytes:
    inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(chunk.data, MAX_CHUNK_BYTES + 1)
    except zlib.error:
        raise DamagedError(f"the {name(chunk.kind)} chunk is damaged") from None
    if len(data) > MAX_CHUNK_BYTES or not inflater.eof or inflater.unused_data:
        raise DamagedError(f"the {name(chunk.kind)} chunk is damaged, or too large")
    return data
