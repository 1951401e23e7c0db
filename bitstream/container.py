"""Container version 1: one header, one entropy-coded payload, one checksum (docs/format.md).

signature 2 | version, rounding 1 | model 2 | settings 1-3 | width, height 2-6 | payload | CRC 2
with extras: ... width, height | flags 1 | payload's length 1-4 | payload | chunks | CRC 2
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from ulbic.errors import DamagedError, LimitError, NotUlbError, VersionError

from . import varint

SIGNATURE = b"\xd9U"
VERSION = 1
LOWEST_GAIN, GAIN_STEPS = -4, 16  # steps from one gain vector to the next
CRC_BYTES = 2
MAX_SIDE = 1 << 20
MAX_PIXELS = 100_000_000  # unless the caller says otherwise
MAX_CHUNKS = 16
MAX_CHUNK_BYTES = 1 << 24
_FIXED_BYTES = 6
_HAS_EXTRAS = 0x80
_BOOSTED = 0x80
_BEHIND = 0x40
_GREY = 0x20
_COUNT = 0x1F
_CRITICAL = 0x80
_WHOLE_GAINS = range(8)
_SHORT_MODES = range(6)  # index modes that the first byte of the settings has room for
_LONG = 6  # in their place: the mode is the second byte, the gain the third
_FINE_GAIN = 7  # in their place: the settings have a second byte, with the mode and a gain in steps of 1/16


class Chunk(NamedTuple):
    """Something that not every file has; `chunks` has those that this release knows, all of them optional."""

    kind: int  # 0 to 127
    critical: bool  # a reader that does not know it must refuse the file
    data: bytes


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a decoder must know before it reads the payload."""

    width: int  # pixels, 1 to MAX_SIDE
    height: int
    model_number: int  # 0 to 15, a number in the codec's profiles
    weights_tag: int  # first 12 bits of the SHA-256 of the weights
    gain: float  # -4 to 11 15/16 in steps of 1/16, rate point of the continuous stream
    index_mode: int  # 0 to 255, a number in the codec's registry
    raw_indices: bool = False  # 10 bits each, instead of by the model's table
    rounding: int = 0  # 0 to 15, offset that keeps every rounded value off a boundary
    grey: bool = False  # the three colours are to be taken as one
    boosted: bool = False  # the payload begins with a map of boosts of the gain
    chunks: tuple[Chunk, ...] = ()
    lost_extras: bool = False  # not in the bytes: read from a damaged file, without all of its chunks


class Container(NamedTuple):
    """A file taken apart."""

    header: Header
    payload: bytes
    complete: bool  # the checksum matches
    whole: bool  # no byte of the payload is missing


def write_container(header: Header, payload: bytes) -> bytes:
    """The bytes of a .ulb file.

    Raises:
        LimitError: the picture, or a chunk, is larger than the format allows.
    """
    _check_size(header.width, header.height, MAX_SIDE**2)
    body = b"".join(
        (
            SIGNATURE,
            bytes([VERSION << 4 | header.rounding]),
            (header.model_number << 12 | header.weights_tag).to_bytes(2, "big"),
            _pack_settings(header),
            varint.pack(header.width - 1),
            varint.pack(header.height - 1),
            *_pack_rest(header, payload),
        )
    )
    return body + _checksum(body)


def read_container(data: bytes, max_pixels: int = MAX_PIXELS, *, allow_partial: bool = False) -> Container:
    """The inverse of `write_container`: checks everything that can be checked without the weights.

    Args:
        allow_partial: a wrong checksum is not an error; what is there is taken, up to the first chunk that
            cannot be read. Without extras everything behind the header counts as payload.

    Raises:
        NotUlbError: no signature.
        VersionError: a version of the future.
        DamagedError: truncated, the checksum does not match, or a rule of the format is broken.
        LimitError: more than `max_pixels` pixels, or chunks beyond the limits.
    """
    if not data.startswith(SIGNATURE):
        raise NotUlbError("not a .ulb file (no signature)")
    if len(data) < _FIXED_BYTES + 2 + CRC_BYTES:
        raise DamagedError("the file ends inside its header")
    if data[2] >> 4 != VERSION:
        raise VersionError(f"container version {data[2] >> 4}; this release reads version {VERSION}")
    complete = _checksum(data[:-CRC_BYTES]) == data[-CRC_BYTES:]
    body = data[:-CRC_BYTES] if complete else data

    model, settings = int.from_bytes(body[3:5], "big"), body[5]
    gain, index_mode, position = _unpack_settings(body)
    width, position = varint.unpack(body, position)
    height, position = varint.unpack(body, position)
    _check_size(width + 1, height + 1, max_pixels)
    if not complete and not allow_partial:
        raise DamagedError("the checksum does not match: the file is damaged or incomplete")
    rest = _Rest(payload=body[position:], whole=complete)
    if settings & _HAS_EXTRAS:
        rest = _unpack_rest(body, position, complete)
    header = Header(
        width=width + 1,
        height=height + 1,
        model_number=model >> 12,
        weights_tag=model & 0xFFF,
        gain=gain,
        index_mode=index_mode,
        raw_indices=bool(settings & 8),
        rounding=body[2] & 15,
        grey=bool(rest.flags & _GREY),
        boosted=bool(rest.flags & _BOOSTED),
        chunks=rest.chunks,
        lost_extras=rest.lost,
    )
    return Container(header, rest.payload, complete, rest.whole)


def _pack_settings(header: Header) -> bytes:
    """One byte where mode and gain are common ones, else two or three."""
    common = (_HAS_EXTRAS if _flags(header) else 0) | header.raw_indices << 3
    fine = round((header.gain - LOWEST_GAIN) * GAIN_STEPS)
    if header.index_mode not in _SHORT_MODES:
        return bytes([common | _LONG << 4, header.index_mode, fine])
    if header.gain in _WHOLE_GAINS:
        return bytes([common | header.index_mode << 4 | int(header.gain)])
    return bytes([common | _FINE_GAIN << 4 | fine >> 5, header.index_mode << 5 | fine & 31])


def _unpack_settings(body: bytes) -> tuple[float, int, int]:
    """The gain, the number of the index mode, and the position after the settings."""
    first, second, third = body[_FIXED_BYTES - 1 : _FIXED_BYTES + 2]
    code, low = first >> 4 & 7, first & 7
    if code in _SHORT_MODES:
        return low, code, _FIXED_BYTES
    if code == _LONG:
        mode, fine, more = second, third, 2
        shortest, known = mode not in _SHORT_MODES, low == 0
    else:
        mode, fine, more = second >> 5, low << 5 | second & 31, 1
        shortest, known = fine / GAIN_STEPS + LOWEST_GAIN not in _WHOLE_GAINS, mode in _SHORT_MODES
    if not known:
        raise VersionError("the settings in the header have a form that this release does not know")
    if not shortest:
        raise DamagedError("the settings in the header are not in their shortest form")
    return fine / GAIN_STEPS + LOWEST_GAIN, mode, _FIXED_BYTES + more


class _Rest(NamedTuple):
    """What follows the sizes."""

    payload: bytes = b""
    whole: bool = False
    flags: int = 0
    chunks: tuple[Chunk, ...] = ()
    lost: bool = False  # there were more chunks


def _flags(header: Header) -> int:
    """The byte of the extras, 0 where there are none."""
    kinds = (_BOOSTED * header.boosted) | (_GREY * header.grey)
    return kinds | (_BEHIND | len(header.chunks) if header.chunks else 0)


def _pack_rest(header: Header, payload: bytes) -> Iterator[bytes]:
    """The payload alone where there are no extras; else a byte of flags, the payload, and the chunks."""
    chunks = header.chunks
    if len(chunks) > MAX_CHUNKS or any(len(chunk.data) > MAX_CHUNK_BYTES for chunk in chunks):
        raise LimitError(f"more than {MAX_CHUNKS} chunks, or one of more than {MAX_CHUNK_BYTES} bytes")
    if _flags(header):
        yield bytes([_flags(header)])
    if chunks:
        yield varint.pack(len(payload))
    yield payload
    for chunk in chunks:
        yield bytes([chunk.kind | (_CRITICAL if chunk.critical else 0)])
        yield varint.pack(len(chunk.data)) + chunk.data


def _unpack_rest(body: bytes, position: int, complete: bool) -> _Rest:
    """The inverse of `_pack_rest`; of a file that is not complete, what can be read."""
    rest, chunks = _Rest(), list[Chunk]()
    try:
        flags, count, position = _unpack_flags(body, position)
        behind = bool(flags & _BEHIND)
        rest = rest._replace(flags=flags)
        if behind:
            length, position = varint.unpack(body, position)
            payload = body[position : position + length]
            rest = rest._replace(payload=payload, whole=len(payload) == length)
            position += length
        for _ in range(count):
            chunk, position = _unpack_chunk(body, position)
            chunks.append(chunk)
        if not behind:
            rest = rest._replace(payload=body[position:], whole=complete)
        elif complete and position < len(body):
            raise DamagedError("the file goes on behind its last chunk")
    except (DamagedError, LimitError, VersionError):
        if complete:
            raise
        rest = rest._replace(lost=True)
    return rest._replace(chunks=tuple(chunks))


def _unpack_flags(body: bytes, position: int) -> tuple[int, int, int]:
    """The flags, the number of chunks, and the position behind them."""
    if position >= len(body):
        raise DamagedError("the file ends inside its header")
    flags, count = body[position] & ~_COUNT, body[position] & _COUNT
    if count > MAX_CHUNKS or (count == 0 and (flags & _BEHIND or not flags)):
        raise LimitError(f"the file has {count} chunks; the format allows 1 to {MAX_CHUNKS}")
    return flags, count, position + 1


def _unpack_chunk(body: bytes, position: int) -> tuple[Chunk, int]:
    """A chunk, and the position behind it."""
    if position >= len(body):
        raise DamagedError("the file ends before its last chunk")
    kind, critical = body[position] & 0x7F, body[position] >= _CRITICAL
    length, position = varint.unpack(body, position + 1)
    if length > MAX_CHUNK_BYTES:
        raise LimitError(f"a chunk of {length} bytes; the format allows {MAX_CHUNK_BYTES}")
    if position + length > len(body):
        raise DamagedError("the file ends inside a chunk")
    if critical:
        raise VersionError(f"the file needs chunk {kind}, which this release does not know")
    return Chunk(kind, critical, body[position : position + length]), position + length


def _checksum(body: bytes) -> bytes:
    return binascii.crc_hqx(body, 0xFFFF).to_bytes(CRC_BYTES, "big")


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width > MAX_SIDE or height > MAX_SIDE:
        raise LimitError(f"{width} x {height}: the format's limit is {MAX_SIDE} a side")
    if width * height > max_pixels:
        raise LimitError(f"{width} x {height} is more than the limit of {max_pixels} pixels")
