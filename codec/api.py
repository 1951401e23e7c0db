"""The public functions: `ulbic.encode` and `ulbic.decode`."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image
from ulbic.bitstream.describe import read_bytes

from .bundle import load_bundle
from .decoder import decode_picture
from .encoder import encode_picture
from .images import Source, load_picture
from .quality import DEFAULT_QUALITY, rate_point


def encode(
    source: Source,
    quality: int = DEFAULT_QUALITY,
    *,
    schedule: str | None = None,
    device: str = "auto",
    weights: Path | None = None,
) -> bytes:
    """Compresses a picture.

    Args:
        source: a path, the bytes of a picture file, or a PIL image; any size from 1x1 pixel.
        quality: 1 (smallest) to 8.
        schedule: share of the indices that is sent, "0" to "1_1", instead of the quality's own.
        device: "auto", "cpu", "cuda", ...
        weights: a weight file instead of the bundled one.

    Returns:
        The bytes of a .ulb file.

    Raises:
        UlbicError: one of its kinds (`ulbic.errors`) for every cause.
    """
    point = rate_point(quality, schedule)
    picture = load_picture(source)
    return encode_picture(load_bundle(device=device, weights=weights), picture, point)


def decode(
    source: str | os.PathLike[str] | bytes, *, device: str = "auto", weights: Path | None = None
) -> Image.Image:
    """Decompresses a .ulb file, given its path or bytes, to an RGB picture.

    Raises:
        UlbicError: one of its kinds (`ulbic.errors`) for every cause.
    """
    data = source if isinstance(source, bytes) else read_bytes(source)
    return decode_picture(load_bundle(device=device, weights=weights), data)
