"""Pictures to the bytes of a file in one of Pillow's formats, metadata and all."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin, UnidentifiedImageError

from ulbic.codec.readers import plugin_for
from ulbic.errors import OutputError

DEFAULT_QUALITY = 95  # Pillow's own, 75 or 80, would blur what was decoded
_WITH_QUALITY = ("JPEG", "WEBP", "AVIF", "HEIF", "JXL")
_FULL_COLOUR = 90  # JPEG keeps colours at full size from this quality on


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a decoded picture is written."""

    quality: int | None = None  # 1 to 100 of formats that lose something; None stands for DEFAULT_QUALITY
    fit: tuple[int, int] | None = None  # width and height that a larger picture is shrunk into

    def sized(self, picture: Image.Image) -> Image.Image:
        """The picture, shrunk where it is larger than `fit`; its shape stays."""
        if self.fit is not None:
            picture.thumbnail(self.fit, Image.Resampling.LANCZOS)
        return picture


PLAIN = Look()


def format_of(path: Path) -> str:
    """Pillow's name of the format that the suffix stands for.

    Raises:
        OutputError: there is none that can be written, or it is .ulb.
    """
    suffix = path.suffix.lower()
    plugin = plugin_for(suffix)
    missing = plugin is not None and not plugin.register()
    name = Image.registered_extensions().get(suffix)
    if plugin is not None and missing:
        raise OutputError(f"cannot write {str(path)!r}: {plugin.format} needs pip install '{plugin.remedy}'")
    if name is None or name not in Image.SAVE or name == "ULB":
        raise OutputError(f"cannot write {str(path)!r}: no picture format has the suffix {path.suffix!r}")
    return name


def picture_bytes(picture: Image.Image, picture_format: str, look: Look = PLAIN) -> bytes:
    """The bytes of a file, with a warning of what the format cannot hold.

    Transparency is flattened on white where the format has none.

    Raises:
        OutputError: the format cannot hold the picture.
    """
    picture = look.sized(picture)
    transparent = "A" in picture.getbands()
    try:
        data = _save(picture, picture_format, look)
    except (OSError, ValueError) as error:
        if picture.mode == "L":  # a format of colours only
            return picture_bytes(picture.convert("RGB"), picture_format, look)
        if not transparent:
            raise OutputError(f"cannot write {picture_format}: {error}") from None
        data = b""
    back = _header(data)
    if transparent and (not data or (back is not None and not _is_transparent(back))):
        warnings.warn(f"{picture_format} has no transparency; it is flattened on white", stacklevel=2)
        return picture_bytes(_flat(picture), picture_format, look)
    if back is not None and back.size != picture.size:
        sizes = "{} x {} pixels instead of {} x {}".format(*back.size, *picture.size)
        warnings.warn(f"{picture_format} has no such size: the picture has {sizes}", stacklevel=2)
    if back is not None and back.mode == "P" and picture.mode != "L":
        warnings.warn(f"{picture_format} has 256 colours", stacklevel=2)
    if look.quality is not None and picture_format not in _WITH_QUALITY:
        warnings.warn(f"{picture_format} has no quality to choose", stacklevel=2)
    return data


def _flat(picture: Image.Image) -> Image.Image:
    white = Image.new("RGBA", picture.size, "white")
    flat = Image.alpha_composite(white, picture.convert("RGBA"))
    flat.info = picture.info
    return flat.convert(picture.mode.removesuffix("A"))


def _header(data: bytes) -> Image.Image | None:
    """The file as a reader sees it, without its pixels; None where Pillow only writes the format."""
    try:
        return Image.open(io.BytesIO(data))
    except UnidentifiedImageError:
        return None


def _is_transparent(picture: Image.Image) -> bool:
    return picture.has_transparency_data or "A" in picture.getbands()


def _save(picture: Image.Image, picture_format: str, look: Look) -> bytes:
    options: dict[str, Any] = {
        key: picture.info[key] for key in ("icc_profile", "exif", "xmp") if key in picture.info
    }
    if picture_format == "PNG" and "xmp" in options:  # Pillow reads it there, but does not write it
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", options.pop("xmp").decode("utf-8", "replace"))
        options["pnginfo"] = text
    if picture_format in _WITH_QUALITY:
        options["quality"] = DEFAULT_QUALITY if look.quality is None else look.quality
    if picture_format == "JPEG":
        options["subsampling"] = "4:4:4" if options["quality"] >= _FULL_COLOUR else "4:2:0"
    if picture_format == "ICO":
        options["sizes"] = [_within(picture.size, 256)]  # or Pillow writes its own sizes, none of them this
    buffer = io.BytesIO()
    picture.save(buffer, picture_format, **options)
    return buffer.getvalue()


def _within(size: tuple[int, int], side: int) -> tuple[int, int]:
    scale = min(1.0, side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
