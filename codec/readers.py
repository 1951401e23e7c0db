"""Kinds of picture files: what looks like one, and what must be installed to read it. Imports no torch."""

from __future__ import annotations

import importlib
import io
import re
from pathlib import Path
from typing import NamedTuple

from PIL import Image, UnidentifiedImageError

from ulbic.errors import ImageError

_RAW = re.compile(
    r"\.(3fr|arw|cr[23w]|dcr|dng|erf|fff|iiq|kdc|mef|mos|mrw|nef|nrw|orf|pef|raf|raw|rw[2l]|sr[2fw]|x3f)"
)
_NO_READER = frozenset((".exr", ".hdr", ".jxr", ".wdp"))
_NO_PICTURES = ("BUFR", "GRIB", "HDF5", "MPEG")  # Pillow knows them when it sees them, and no more


class Plugin(NamedTuple):
    """What Pillow needs for a format."""

    format: str
    suffixes: tuple[str, ...]
    module: str
    remedy: str

    def register(self) -> bool:
        """Loads it; returns whether it is there."""
        try:
            module = importlib.import_module(self.module)
        except ImportError:
            return False
        if self.module == "pillow_heif":
            module.register_heif_opener()
        return self.module != "PIL.AvifImagePlugin" or bool(module.SUPPORTED)


HEIC = Plugin("HEIC", (".heic", ".heif", ".heics", ".heifs", ".hif"), "pillow_heif", "ulbic[heic]")
JPEG_XL = Plugin("JPEG XL", (".jxl",), "pillow_jxl", "ulbic[jxl]")
AVIF = Plugin("AVIF", (".avif", ".avifs"), "PIL.AvifImagePlugin", "pillow>=11.3")
PLUGINS = (HEIC, JPEG_XL, AVIF)


def looks_like_picture(path: Path) -> bool:
    """Whether the suffix is a picture's, be there a reader for it or not; a .ulb file is none."""
    suffix = path.suffix.lower()
    if suffix == ".ulb":  # before Pillow loads all its plugins to say so
        return False
    if is_raw(path) or suffix in _NO_READER or plugin_for(suffix) is not None:
        return True
    name = Image.registered_extensions().get(suffix)
    return name in Image.OPEN and name not in _NO_PICTURES


def is_raw(path: Path) -> bool:
    """Whether the suffix is a raw photograph's; of some Pillow would read the thumbnail."""
    return _RAW.fullmatch(path.suffix.lower()) is not None


def plugin_for(suffix: str) -> Plugin | None:
    """What a suffix in lower case needs beside Pillow."""
    return next((plugin for plugin in PLUGINS if suffix in plugin.suffixes), None)


def open_picture(data: bytes, label: str) -> Image.Image:
    """A picture file's bytes as Pillow opens them, with a plugin where they need one.

    Raises:
        UnidentifiedImageError: they are no picture.
        ImageError: what reads them is not installed.
    """
    try:
        return Image.open(io.BytesIO(data))
    except UnidentifiedImageError:
        plugin = _plugin_of(data)
        if plugin is None:
            raise
    if not plugin.register():
        raise ImageError(
            f"{label} is a picture in {plugin.format}, whose reader is missing: pip install '{plugin.remedy}'"
        )
    return Image.open(io.BytesIO(data))


def _plugin_of(data: bytes) -> Plugin | None:
    """By the first bytes (ISO/IEC 14496-12, file type box; ISO/IEC 18181-2)."""
    if data.startswith((b"\xff\x0a", b"\0\0\0\x0cJXL ")):
        return JPEG_XL
    if data[4:8] != b"ftyp":
        return None
    length = int.from_bytes(data[:4], "big")
    brands = {data[i : i + 4] for i in range(8, min(length, 256), 4)}
    if brands & {b"avif", b"avis"}:
        return AVIF
    return HEIC if brands & {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"} else None
