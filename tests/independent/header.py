"""The header of a .ulb file. Sections: File, Settings, Varint, Checksum, Extras, Checks."""

import zlib
from dataclasses import dataclass
from fractions import Fraction

SIDE = 1 << 20
LARGEST_CHUNK = 1 << 24
PIXELS = 100_000_000
ALPHA, COMPRESSED = 1, (2, 3, 4)


class UlbError(Exception):
    """A file that is refused. Each kind of the table in "Checks" is a class with its exit code."""

    code = None


class NotUlb(UlbError):
    """It is not a .ulb file."""

    code = 5


class Future(UlbError):
    """It needs a later reader."""

    code = 6


class Damaged(UlbError):
    """It is damaged."""

    code = 7


class OtherWeights(UlbError):
    """It was made with other weights."""

    code = 8


class TooLarge(UlbError):
    """It is beyond a limit."""

    code = 10


@dataclass(frozen=True)
class Chunk:
    """One chunk of the extras. The data of kinds 2 to 4 is decompressed."""

    kind: int
    data: bytes


@dataclass(frozen=True)
class Header:
    """Every field of a file but its signature and its checksum, in the order of "File"."""

    version: int
    rounding: int
    model: int
    tag: str
    raw: bool
    mode: int
    gain: Fraction
    width: int
    height: int
    grey: bool
    boosted: bool
    chunks: tuple
    payload: bytes
    whole: bool


class Cursor:
    """Takes bytes from the front. To run out of them is damage."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Damaged("the file ends too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def byte(self):
        return self.take(1)[0]

    def rest(self):
        return self.take(len(self.data) - self.at)

    def varint(self):
        """Section "Varint"."""
        value = 0
        for place in range(5):
            byte = self.byte()
            value |= (byte & 127) << 7 * place
            if byte < 128:
                if byte == 0 and place:
                    raise Damaged("a varint is not in its shortest form")
                return value
        raise Damaged("a varint is longer than 5 bytes")


def checksum(data):
    """Section "Checksum": a CRC-16."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = crc << 1 ^ (0x11021 if crc & 0x8000 else 0)
    return crc


def read_header(data, pixels=PIXELS, cut=False):
    """Sections "File" and "Checks": all checks that need no weights, in their order.

    With `cut` the checksum is not looked at, and what is not there is left out ("A cut file").
    """
    if data[:2] != b"\xd9\x55":
        raise NotUlb("the signature is wrong")
    if len(data) < 10:
        raise Damaged("the file is too short")
    if data[2] >> 4 != 1:
        raise Future(f"version {data[2] >> 4}")
    cursor = Cursor(data if cut else data[:-2])
    cursor.take(3)
    model = int.from_bytes(cursor.take(2), "big")
    first, mode, gain = _settings(cursor)
    width, height = cursor.varint() + 1, cursor.varint() + 1
    if max(width, height) > SIDE or width * height > pixels:
        raise TooLarge(f"{width} x {height} pixels")
    if not cut and checksum(data[:-2]) != int.from_bytes(data[-2:], "big"):
        raise Damaged("the checksum is wrong")
    extras = cursor.byte() if first & 128 else 0
    chunks, payload, whole = _rest(cursor, extras, cut) if first & 128 else ((), cursor.rest(), not cut)
    chunks = _known_chunks(chunks, (width, height))
    return Header(
        version=data[2] >> 4,
        rounding=data[2] & 15,
        model=model >> 12,
        tag=f"{model & 0xFFF:03x}",
        raw=bool(first & 8),
        mode=mode,
        gain=gain,
        width=width,
        height=height,
        grey=bool(extras & 32),
        boosted=bool(extras & 128),
        chunks=chunks,
        payload=payload,
        whole=whole,
    )


def _settings(cursor):
    """Section "Settings": the first byte, the index mode and the gain."""
    first = cursor.byte()
    form, low = first >> 4 & 7, first & 7
    if form < 6:
        return first, form, Fraction(low)
    second = cursor.byte()
    if form == 7:
        mode, n = second >> 5, low << 5 | second & 31
        if mode > 5:
            raise Future("settings of form 7 with an undefined mode")
        if n in range(64, 192, 16):
            raise Damaged("settings of form 7 for a gain that one byte can say")
    else:
        mode, n = second, cursor.byte()
        if low:
            raise Future("settings of form 6 with undefined bits")
        if mode < 6:
            raise Damaged("settings of form 6 for a mode that is not above 5")
    return first, mode, Fraction(n, 16) - 4


def _rest(cursor, extras, cut):
    """Section "Extras", after its byte: the chunks as stored, the payload, and whether it is whole."""
    count, behind = extras & 31, bool(extras & 64)
    if extras == 0 or count > 16 or (behind and not count):
        raise TooLarge("extras without content, or with more than 16 chunks")
    if not behind:
        chunks = [_chunk(cursor) for _ in range(count)]
        return tuple(chunks), cursor.rest(), not cut
    length = cursor.varint()
    if cut and length > len(cursor.data) - cursor.at:
        return (), cursor.rest(), False
    payload, chunks = cursor.take(length), []
    try:
        for _ in range(count):
            chunks.append(_chunk(cursor))
    except UlbError:
        if not cut:
            raise
    if not cut and cursor.rest():
        raise Damaged("something follows the last chunk")
    return tuple(chunks), payload, True


def _chunk(cursor):
    """Section "Extras": one chunk."""
    kind, length = cursor.byte(), cursor.varint()
    if length > LARGEST_CHUNK:
        raise TooLarge("a chunk of more than 2^24 bytes")
    data = cursor.take(length)
    if kind & 128:
        raise Future(f"a critical chunk of kind {kind & 127}")
    return Chunk(kind, data)


def _known_chunks(chunks, size):
    """Section "Extras", its table: checks and decompresses the chunks of known kinds."""
    kinds = [chunk.kind for chunk in chunks]
    if any(kinds.count(kind) > 1 for kind in (ALPHA, *COMPRESSED)):
        raise Damaged("a chunk is there twice")
    for chunk in chunks:
        if chunk.kind == ALPHA and len(chunk.data) != 1 and _picture_size(chunk.data) != size:
            raise Damaged("the alpha is not of the picture's size")
    return tuple(Chunk(c.kind, _inflate(c.data)) if c.kind in COMPRESSED else c for c in chunks)


def _inflate(data):
    """Section "Extras": DEFLATE without a wrapper, whole, to at most 2^24 bytes."""
    stream = zlib.decompressobj(-15)
    try:
        out = stream.decompress(data, LARGEST_CHUNK + 1)
    except zlib.error as error:
        raise Damaged("a chunk cannot be decompressed") from error
    if not stream.eof or stream.unused_data or len(out) > LARGEST_CHUNK:
        raise Damaged("a chunk is not one whole DEFLATE stream of at most 2^24 bytes")
    return out


def _picture_size(data):
    """Width and height of a PNG or lossless WebP file, or None. This is not in the document."""
    if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR" and len(data) >= 24:
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        at = 12
        while at + 13 <= len(data):
            if data[at : at + 4] == b"VP8L":
                bits = int.from_bytes(data[at + 9 : at + 13], "little")
                return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
            length = int.from_bytes(data[at + 4 : at + 8], "little")
            at += 8 + length + length % 2
    return None
