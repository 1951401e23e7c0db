"""Pictures as a viewer sees them, from any file, and sheets on which several can be looked at."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ulbic.bitstream.container import MAX_PIXELS
from ulbic.errors import LimitError, NotUlbError

if TYPE_CHECKING:
    from PIL import Image

COLUMNS = 4  # of a sheet
AMPLIFIED = 2  # how much a difference is, so that it can be seen
GAP = 4  # pixels between the cells
_LEAST_WIDTH = 240  # pixels of a cell, so that small pictures have legible captions
_LEAST_TEXT = 13  # pixels; larger pictures, which are looked at from farther away, have larger letters


class Cell(NamedTuple):
    """One picture of a sheet, with the lines above it."""

    lines: tuple[str, ...]
    picture: Image.Image


def seen(data: bytes, *, device: str = "auto", weights: Path | None = None) -> Image.Image:
    """The picture of a .ulb file or of any that Pillow reads: upright, 8-bit sRGB; RGB, RGBA if it has alpha.

    Args:
        device: of the decoder, as in `ulbic.decode`; so is `weights`.

    Raises:
        UlbicError: one of its kinds for every cause.
    """
    from PIL import Image, ImageOps

    import ulbic
    from ulbic.codec.images import load_picture

    if is_ulb_data(data):
        decoded = ulbic.decode(data, device=device, weights=weights)
        return decoded.convert("RGBA" if "A" in decoded.getbands() else "RGB")
    colours = load_picture(data)  # refuses what is damaged or too large
    with Image.open(io.BytesIO(data)) as stored:
        if stored.has_transparency_data:
            upright: Image.Image = stored
            with contextlib.suppress(Exception):  # damaged EXIF, of which load_picture has told
                upright = ImageOps.exif_transpose(stored)
            colours.putalpha(upright.convert("RGBA").getchannel("A"))
    return colours


def is_ulb_data(data: bytes) -> bool:
    """Whether these bytes begin as a .ulb file; they may still be damaged.

    Raises:
        DamagedError, VersionError, LimitError: they do, and go on badly.
    """
    import ulbic

    try:
        ulbic.info(data)
    except NotUlbError:
        return False
    return True


def on_white(picture: Image.Image) -> Image.Image:
    """RGB; what is transparent lets white through."""
    from PIL import Image

    if "A" not in picture.getbands():
        return picture
    white = Image.new("RGBA", picture.size, "white")
    return Image.alpha_composite(white, picture).convert("RGB")


def difference(original: Image.Image, decoded: Image.Image) -> Image.Image:
    """RGB: mid-grey plus AMPLIFIED times (decoded minus original), clipped; both are RGB of one size."""
    import numpy as np
    from PIL import Image

    signed = np.asarray(decoded, np.int16) - np.asarray(original, np.int16)
    return Image.fromarray((128 + AMPLIFIED * signed).clip(0, 255).astype(np.uint8))


def check_sheet(size: tuple[int, int], count: int) -> None:
    """Finds out before the work whether a sheet of so many pictures (width, height) is too large.

    Raises:
        LimitError: it would have more pixels than any picture may have.
    """
    if size[0] * size[1] * count > MAX_PIXELS:
        raise LimitError(f"a sheet of {count} such pictures would have more than {MAX_PIXELS} pixels")


def sheet(cells: Sequence[Cell]) -> Image.Image:
    """The pictures side by side, at their own size, in rows of COLUMNS; all are RGB of one size."""
    from PIL import Image, ImageDraw, ImageFont

    width, height = cells[0].picture.size
    text = max(_LEAST_TEXT, width // 50)
    font = ImageFont.load_default(text)
    caption = max(len(cell.lines) for cell in cells) * text * 5 // 4 + GAP
    step = (max(width, _LEAST_WIDTH) + GAP, caption + height + GAP)
    columns = min(len(cells), COLUMNS)
    rows = -(-len(cells) // columns)
    whole = Image.new("RGB", (columns * step[0] - GAP, rows * step[1] - GAP), "white")
    for i, cell in enumerate(cells):
        left, top = i % columns * step[0], i // columns * step[1]
        strip = Image.new("RGB", (step[0] - GAP, caption), "white")  # cuts lines that are too long
        ImageDraw.Draw(strip).multiline_text((2, 0), "\n".join(cell.lines), "black", font, spacing=1)
        whole.paste(strip, (left, top))
        whole.paste(cell.picture, (left, top + caption))
    return whole
