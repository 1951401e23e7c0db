"""Container version 1: one header, one entropy-coded payload, one checksum (docs/format.md).

signature 2 | version, rounding 1 | model 2 | settings 1 | width, height 2-10 | payload | CRC 2
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass

from ulbic.errors import DamagedError, LimitError, NotUlbError, VersionError

from . import varint

SIGNATURE = b"\xd9U"
VERSION = 1
SCHEDULES = ("0", "1_16", "1_8", "1_4", "1_2", "1_1")  # of the token stream; the position is the number
CRC_BYTES = 2
MAX_SIDE = 1 << 20
MAX_PIXELS = 100_000_000
_FIXED_BYTES = 6


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a decoder must know before it reads the payload."""

    width: int  # pixels, 1 to MAX_SIDE
    height: int
    model_id: int  # 0 to 15, a number in the model zoo
    weights_tag: int  # first 12 bits of the SHA-256 of the weights
    gain: int  # 0 to 15, rate point of the continuous stream
    schedule: str  # one of SCHEDULES
    rounding: int = 0  # 0 to 15, offset that keeps every rounded value off a boundary


def write_container(header: Header, payload: bytes) -> bytes:
    """The bytes of a .ulb file.

    Raises:
        LimitError: the picture is larger than the format allows.
    """
    _check_size(header.width, header.height, MAX_PIXELS)
    model = header.model_id << 12 | header.weights_tag
    body = b"".join(
        (
            SIGNATURE,
            bytes([VERSION << 4 | header.rounding]),
            model.to_bytes(2, "big"),
            bytes([SCHEDULES.index(header.schedule) << 4 | header.gain]),
            varint.pack(header.width - 1),
            varint.pack(header.height - 1),
            payload,
        )
    )
    return body + _checksum(body)


def read_container(data: bytes, max_pixels: int = MAX_PIXELS) -> tuple[Header, bytes]:
    """The inverse of `write_container`: checks everything that can be checked without the weights.

    Raises:
        NotUlbError: no signature.
        VersionError: a version of the future.
        DamagedError: truncated, or the checksum does not match.
        LimitError: more than `max_pixels` pixels.
    """
    if not data.startswith(SIGNATURE):
        raise NotUlbError("not a .ulb file (no signature)")
    if len(data) < _FIXED_BYTES + 2 + CRC_BYTES:
        raise DamagedError("the file ends inside its header")
    version, rounding = data[2] >> 4, data[2] & 15
    if version != VERSION:
        raise VersionError(f"container version {version}; this release reads version {VERSION}")
    body, checksum = data[:-CRC_BYTES], data[-CRC_BYTES:]
    model = int.from_bytes(data[3:5], "big")
    settings = data[5]
    width, position = varint.unpack(body, _FIXED_BYTES)
    height, position = varint.unpack(body, position)
    _check_size(width + 1, height + 1, max_pixels)
    if _checksum(body) != checksum:
        raise DamagedError("the checksum does not match: the file is damaged or incomplete")
    if settings >> 4 >= len(SCHEDULES):
        raise DamagedError("the header asks for something that container version 1 does not define")
    header = Header(
        width=width + 1,
        height=height + 1,
        model_id=model >> 12,
        weights_tag=model & 0xFFF,
        gain=settings & 15,
        schedule=SCHEDULES[settings >> 4],
        rounding=rounding,
    )
    return header, body[position:]


def _checksum(body: bytes) -> bytes:
    return binascii.crc_hqx(body, 0xFFFF).to_bytes(CRC_BYTES, "big")


def _check_size(width: int, height: int, max_pixels: int) -> None:
    if width > MAX_SIDE or height > MAX_SIDE or width * height > max_pixels:
        raise LimitError(f"{width} x {height} is more than the limit of {max_pixels} pixels")
