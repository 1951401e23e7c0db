"""Kinds of pictures, and files of them, that several test modules code."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import ExifTags, Image, ImageDraw
from support import synthetic_picture

import ulbic

SIZE = (80, 48)


def file_bytes(picture, picture_format="PNG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, picture_format, **options)
    return buffer.getvalue()


def round_trip(data, **options):
    return ulbic.decode(ulbic.encode(data, 3, **options))


def cut_out():
    """RGBA: an ellipse with a soft edge."""
    mask = Image.new("L", (4 * SIZE[0], 4 * SIZE[1]))
    ImageDraw.Draw(mask).ellipse((40, 20, 280, 170), fill=255)
    picture = synthetic_picture(*SIZE)
    picture.putalpha(mask.resize(SIZE))
    return picture


def rich_file():
    """The .ulb file of a picture with an alpha mask, and metadata behind it."""
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "A. Nonymous"
    return ulbic.encode(file_bytes(cut_out(), exif=exif.tobytes()), 3, keep_metadata=True)


def deep_png(colour_type, samples):
    """A PNG of 16 bits a sample; Pillow writes none of several channels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = samples.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    head = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


# A Display P3 profile in its least form: name, white point, primaries adapted to D50, curves.
def display_p3():
    def s15(values):
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    curve = b"para\0\0\0\0\0\x03\0\0" + b"".join(
        struct.pack(">i", round(v * 65536)) for v in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    )
    text = "P3".encode("utf-16-be")
    described = b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(text), 28) + text
    tags = {
        b"desc": described,
        b"cprt": described,
        b"wtpt": s15((0.9642, 1.0, 0.8249)),
        b"rXYZ": s15((0.5151, 0.2412, -0.0011)),
        b"gXYZ": s15((0.2920, 0.6922, 0.0419)),
        b"bXYZ": s15((0.1571, 0.0666, 0.7841)),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    offset, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", offset + len(body), b"\0\0\0\0", 0x04000000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H4s", 2020, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    head += struct.pack(">iii", *(round(v * 65536) for v in (0.9642, 1.0, 0.8249)))
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body
