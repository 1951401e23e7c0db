"""Pictures to the bytes of a file in one of Pillow's formats, metadata and all."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

from ulbic.errors import OutputError


def format_of(path: Path) -> str:
    """Pillow's name of the format that the suffix stands for.

    Raises:
        OutputError: there is none that can be written.
    """
    name = Image.registered_extensions().get(path.suffix.lower())
    if name is None or name not in Image.SAVE:
        raise OutputError(f"cannot write {str(path)!r}: no picture format has the suffix {path.suffix!r}")
    return name


def picture_bytes(picture: Image.Image, picture_format: str) -> bytes:
    """The bytes of a file; transparency is flattened on white, with a warning, where the format has none.

    Raises:
        OutputError: the format cannot hold the picture.
    """
    try:
        return _save(picture, picture_format)
    except (OSError, ValueError) as error:
        if "A" not in picture.getbands():
            raise OutputError(f"cannot write {picture_format}: {error}") from None
    warnings.warn(f"{picture_format} has no transparency; it is flattened on white", stacklevel=2)
    white = Image.new("RGBA", picture.size, "white")
    flat = Image.alpha_composite(white, picture.convert("RGBA"))
    flat.info = picture.info
    return picture_bytes(flat.convert(picture.mode.removesuffix("A")), picture_format)


def _save(picture: Image.Image, picture_format: str) -> bytes:
    options: dict[str, Any] = {
        key: picture.info[key] for key in ("icc_profile", "exif", "xmp") if key in picture.info
    }
    if picture_format == "PNG" and "xmp" in options:  # Pillow reads it there, but does not write it
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", options.pop("xmp").decode("utf-8", "replace"))
        options["pnginfo"] = text
    buffer = io.BytesIO()
    picture.save(buffer, picture_format, **options)
    return buffer.getvalue()
