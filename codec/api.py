"""The public functions: `ulbic.encode` and `ulbic.decode`."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image

from ulbic.bitstream.container import MAX_PIXELS, read_container
from ulbic.bitstream.describe import read_bytes
from ulbic.errors import UlbicError

from .bundle import load_bundle
from .decoder import DecodeOptions, decode_picture, decode_symbols
from .encoder import encode_picture
from .extras import add_extras, unpack_extras
from .images import Source, read_picture
from .quality import DEFAULT_QUALITY, rate_point


def encode(
    source: Source,
    quality: int = DEFAULT_QUALITY,
    *,
    schedule: str | None = None,
    keep_icc: bool = False,
    keep_metadata: bool = False,
    verify: bool = False,
    device: str = "auto",
    weights: Path | None = None,
) -> bytes:
    """Compresses a picture.

    Args:
        source: a path, the bytes of a picture file, or a PIL image; any size from 1x1 pixel.
        quality: 1 (smallest) to 8.
        schedule: share of the indices that is sent, "0" to "1_1", instead of the quality's own.
        keep_icc: leave the colours as they are and send their profile, instead of converting them to sRGB.
        keep_metadata: send EXIF and XMP.
        verify: decode the symbols from the finished bytes and compare them.
        device: "auto", "cpu", "cuda", ...
        weights: a weight file instead of the bundled one.

    Returns:
        The bytes of a .ulb file.

    Raises:
        UlbicError: one of its kinds (`ulbic.errors`) for every cause.
    """
    point = rate_point(quality, schedule)
    pixels, extras = read_picture(source, keep_icc=keep_icc, keep_metadata=keep_metadata)
    bundle = load_bundle(device=device, weights=weights)
    encoded = encode_picture(bundle, pixels, point, extras)
    if verify:
        options = DecodeOptions(max_pixels=pixels.width * pixels.height)
        if decode_symbols(bundle, encoded.data, options).digest != encoded.digest:
            raise UlbicError("verification failed: the file does not decode to the symbols that were written")
    return encoded.data


def decode(
    source: str | os.PathLike[str] | bytes,
    *,
    max_pixels: int = MAX_PIXELS,
    allow_partial: bool = False,
    preview: bool = False,
    device: str = "auto",
    weights: Path | None = None,
) -> Image.Image:
    """Decompresses a .ulb file to a picture: RGB or L, with an alpha channel where one was sent.

    A colour profile, EXIF and XMP that were sent are in its `info`, as in that of a picture from any file.

    Args:
        source: a path, or the bytes of the file.
        max_pixels: refuse files that claim more.
        allow_partial: decode what is left of a truncated file, with a warning, instead of refusing it.
        preview: the continuous stream alone: blurred, but several times faster.
        device: "auto", "cpu", "cuda", ...
        weights: a weight file instead of the bundled one.

    Raises:
        UlbicError: one of its kinds (`ulbic.errors`) for every cause.
    """
    data = source if isinstance(source, bytes) else read_bytes(source)
    options = DecodeOptions(max_pixels=max_pixels, allow_partial=allow_partial, preview=preview)
    extras = unpack_extras(read_container(data, max_pixels, allow_partial=allow_partial).header)
    return add_extras(decode_picture(load_bundle(device=device, weights=weights), data, options), extras)


def symbol_digest(
    source: str | os.PathLike[str] | bytes, *, device: str = "auto", weights: Path | None = None
) -> str:
    """SHA-256 of all decoded symbols, hex: the same on every machine.

    Raises:
        UlbicError: one of its kinds (`ulbic.errors`) for every cause.
    """
    data = source if isinstance(source, bytes) else read_bytes(source)
    return decode_symbols(load_bundle(device=device, weights=weights), data).digest
