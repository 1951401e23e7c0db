"""What a file carries beside its pixels, as the header's flag and chunks and back."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass

from PIL import Image

from ulbic.bitstream.chunks import ALPHA, EXIF, ICC, XMP, pack_chunks, unpack_chunks
from ulbic.bitstream.container import Chunk, Container
from ulbic.errors import DamagedError

from .alpha import decode_alpha, encode_alpha

EXIF_PREFIX = b"Exif\0\0"  # what JPEG puts before the TIFF structure, and Pillow expects


@dataclass(frozen=True, kw_only=True)
class Extras:
    """Empty where a picture has nothing of the kind."""

    grey: bool = False  # comes back as one channel
    alpha: Image.Image | None = None  # L, of the picture's size
    icc: bytes = b""  # profile of the pixels, where they are not sRGB
    exif: bytes = b""  # a TIFF structure
    xmp: bytes = b""


NO_EXTRAS = Extras()


def pack_extras(extras: Extras) -> tuple[Chunk, ...]:
    """The chunks; `grey` is a flag of its own.

    Raises:
        LimitError: something is larger than the format allows.
    """
    alpha = b"" if extras.alpha is None else encode_alpha(extras.alpha)
    contents = {ALPHA: alpha, ICC: extras.icc, EXIF: extras.exif, XMP: extras.xmp}
    return pack_chunks({kind: data for kind, data in contents.items() if data})


def unpack_extras(container: Container) -> Extras:
    """The inverse of `pack_extras`; of a file that is not complete without what is damaged, with a warning.

    Raises:
        DamagedError: a chunk of a complete file does not hold what it should.
    """
    header = container.header
    size = (header.width, header.height)
    if container.complete:
        return _extras(header.chunks, size, header.grey)
    sound, lost = [], header.lost_extras
    for chunk in header.chunks:
        try:
            _extras((chunk,), size, header.grey)
        except DamagedError:
            lost = True
        else:
            sound.append(chunk)
    if lost:
        warnings.warn("transparency, profile or metadata are cut off or damaged, and left out", stacklevel=2)
    try:
        return _extras(sound, size, header.grey)
    except DamagedError:  # two of a kind
        return Extras(grey=header.grey)


def _extras(chunks: Iterable[Chunk], size: tuple[int, int], grey: bool) -> Extras:
    contents = unpack_chunks(chunks)
    alpha = contents.get(ALPHA)
    return Extras(
        grey=grey,
        alpha=None if alpha is None else decode_alpha(alpha, size),
        icc=contents.get(ICC, b""),
        exif=contents.get(EXIF, b""),
        xmp=contents.get(XMP, b""),
    )


def add_extras(pixels: Image.Image, extras: Extras) -> Image.Image:
    """The picture that the user sees: L, LA, RGB or RGBA, metadata in its `info`."""
    picture = pixels.convert("L") if extras.grey else pixels
    if extras.alpha is not None:
        picture.putalpha(extras.alpha)
    info = {"icc_profile": extras.icc, "exif": extras.exif and EXIF_PREFIX + extras.exif, "xmp": extras.xmp}
    picture.info.update({key: value for key, value in info.items() if value})
    return picture
