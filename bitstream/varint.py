"""Unsigned variable-length integers: 7 bits a byte, least significant first, the shortest form only."""

from __future__ import annotations

from ulbic.errors import DamagedError

MAX_BYTES = 5


def pack(value: int) -> bytes:
    """The varint of `value`, 0 to 2^35 - 1.

    Raises:
        ValueError: out of range.
    """
    if not 0 <= value < 1 << (7 * MAX_BYTES):
        raise ValueError(f"{value} does not fit a varint")
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def unpack(data: bytes, start: int) -> tuple[int, int]:
    """The value at `start`, and the position behind it.

    Raises:
        DamagedError: the data ends too early, or the form is not the shortest.
    """
    value = 0
    for i in range(MAX_BYTES):
        if start + i >= len(data):
            raise DamagedError("the file ends inside its header")
        byte = data[start + i]
        value |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            if byte == 0 and i > 0:
                raise DamagedError("a number in the header is not in its shortest form")
            return value, start + i + 1
    raise DamagedError("a number in the header is too long")
