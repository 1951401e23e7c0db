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
from .encoder import analyse_picture, encode_features
from .extras import add_extras, unpack_extras
from .images import Source, read_picture
from .quality import DEFAULT_QUALITY, rate_point
from .rate_control import encode_to_budget


def encode(
    source: Source,
    quality: int = DEFAULT_QUALITY,
    *,
    schedule: str | None = None,
    target_size: int | None = None,
    target_bpp: float | None = None,
    strict: bool = False,
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
        target_size: the best file of at most so many bytes, instead of a quality's; where there is none, the
            smallest, with a warning.
        target_bpp: the same in bits a pixel; of two targets the smaller one counts.
        strict: make it an error that no file meets the target.
        keep_icc: leave the colours as they are and send their profile, instead of converting them to sRGB.
        keep_metadata: send EXIF and XMP.
        verify: decode the symbols from the finished bytes and compare them.
        device: "auto" (CUDA where there is one, else the CPU), "cpu", "cuda", "cuda:1", "mps".
        weights: a weight file instead of the bundled one.

    Returns:
        The bytes of a .ulb file.

    Raises:
        UlbicError: one of its kinds (`ulbic.errors`) for every cause.
    """
    point = rate_point(quality, schedule)
    pixels, extras = read_picture(source, keep_icc=keep_icc, keep_metadata=keep_metadata)
    bundle = load_bundle(device=device, weights=weights)
    features = analyse_picture(bundle, pixels, extras)
    budget = _budget(pixels.width * pixels.height, target_size, target_bpp)
    if budget is None:
        encoded = encode_features(bundle, features, point)
    else:
        encoded = encode_to_budget(bundle, features, budget, schedule=schedule, strict=strict)
    if verify:
        options = DecodeOptions(max_pixels=pixels.width * pixels.height)
        if decode_symbols(bundle, encoded.data, options).digest != encoded.digest:
            raise UlbicError("verification failed: the file does not decode to the symbols that were written")
    return encoded.data


def _budget(pixels: int, target_size: int | None, target_bpp: float | None) -> int | None:
    """Bytes that the file may have, None where there is no target."""
    sizes = [] if target_size is None else [target_size]
    if target_bpp is not None:
        sizes.append(int(target_bpp * pixels / 8))
    return min(sizes, default=None)


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
            Transparency, profile and metadata that are damaged are left out.
        preview: the continuous stream alone: blurred, but several times faster.
        device: "auto" (CUDA where there is one, else the CPU), "cpu", "cuda", "cuda:1", "mps".
        weights: a weight file instead of the bundled one.

    Raises:
        UlbicError: one of its kinds (`ulbic.errors`) for every cause.
    """
    data = source if isinstance(source, bytes) else read_bytes(source)
    options = DecodeOptions(max_pixels=max_pixels, allow_partial=allow_partial, preview=preview)
    extras = unpack_extras(read_container(data, max_pixels, allow_partial=allow_partial))
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
