"""Transparency beside the coded colours: one small, nearly lossless mask."""

from __future__ import annotations

import io

from PIL import Image, ImageStat

from ulbic.errors import DamagedError

# A mask of more levels is rounded to these: at 0.03 bits per pixel its exact levels would cost several times
# the picture (a cut-out with soft edges: 6.9 KB lossless, 2.8 KB so). No value moves by more than 9 of 255.
LEVELS = 16
_WEBP_SIDE = 16383  # the largest that WebP knows


def encode_alpha(alpha: Image.Image) -> bytes:
    """The bytes of a mask (mode L): one where it is the same everywhere, else a lossless WebP or PNG file."""
    used = [level for level, count in enumerate(alpha.histogram()) if count]
    if len(used) == 1:
        return bytes(used)
    if len(used) > LEVELS:
        step = 255 / (LEVELS - 1)
        alpha = alpha.point([round(round(level / step) * step) for level in range(256)])
    buffer = io.BytesIO()
    if max(alpha.size) <= _WEBP_SIDE:
        alpha.convert("RGB").save(buffer, "WEBP", lossless=True, quality=100, method=6)
    else:
        alpha.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def decode_alpha(data: bytes, size: tuple[int, int]) -> Image.Image:
    """The inverse of `encode_alpha`: mode L.

    Raises:
        DamagedError: not such bytes, or not of this size.
    """
    if len(data) == 1:
        return Image.new("L", size, data[0])
    try:
        with Image.open(io.BytesIO(data), formats=("WEBP", "PNG")) as mask:
            if mask.size == size:
                return mask.convert("L")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        pass
    raise DamagedError("the alpha chunk is damaged")


def fill_transparent(pixels: Image.Image, alpha: Image.Image) -> Image.Image:
    """RGB pixels with the mean visible colour where nothing is visible: hidden detail would cost bits."""
    visible = alpha.point([0] + 255 * [255])
    if visible.getextrema() == (255, 255):
        return pixels
    mean = ImageStat.Stat(pixels, visible).mean if visible.getbbox() else (0, 0, 0)
    colour = tuple(round(value) for value in mean)
    return Image.composite(pixels, Image.new("RGB", pixels.size, colour), visible)
