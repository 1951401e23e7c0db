"""Picture files to 8-bit sRGB and what travels beside it; pixels to padded tensors and back."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from ulbic.bitstream.container import MAX_PIXELS
from ulbic.errors import ImageError, LimitError
from ulbic.files import File, read_file
from ulbic.models.config import LATENT_STRIDE

from .alpha import fill_transparent
from .colour import note, stored_modes, to_colours
from .extras import EXIF_PREFIX, Extras
from .readers import is_raw, open_picture
from .windows import Window

Source = File | Image.Image | np.ndarray


class Picture(NamedTuple):
    """A picture as it is coded."""

    pixels: Image.Image  # RGB, 8 bits a channel, upright
    extras: Extras


def load_picture(source: Source) -> Image.Image:
    """The pixels alone; see `read_picture`."""
    return read_picture(source).pixels


def read_picture(source: Source, *, keep_icc: bool = False, keep_metadata: bool = False) -> Picture:
    """What is coded of a path, a file's bytes, an open file, a PIL image or an array of uint8.

    The orientation that EXIF asks for is applied. Colours become sRGB, 16-bit samples 8 bits and CMYK RGB,
    and of several frames the first is taken; a `ConversionNote` says so where it loses something.

    Args:
        keep_icc: leave the colours as they are and keep their profile.
        keep_metadata: keep EXIF (without its thumbnail) and XMP.

    Raises:
        InputError: the file cannot be read.
        ImageError: it is not a picture.
        LimitError: too many pixels.
    """
    label = repr(os.fspath(source)) if isinstance(source, (str, os.PathLike)) else "the input"
    with _told(label):
        picture = _given(source, label)
        stored = stored_modes(picture)
        picture.load()
        picture = _upright(picture)
        colours = to_colours(picture, stored=stored, keep_icc=keep_icc)
    pixels, grey, alpha, icc = colours
    if alpha is not None:
        pixels = fill_transparent(pixels, alpha)
    exif, xmp = _metadata(picture) if keep_metadata else (b"", b"")
    return Picture(pixels, Extras(grey=grey, alpha=alpha, icc=icc, exif=exif, xmp=xmp))


def read_mask(source: Source, label: str) -> Image.Image:
    """How bright a picture is: L, upright; what is transparent is black.

    Args:
        label: what messages call it.

    Raises: as `read_picture`.
    """
    with _told(label):
        picture = _given(source, label)
        if picture.mode.startswith(("I", "F")):
            raise ImageError(f"{label} has more than 8 bits a sample; a mask has 8")
        visible = _upright(picture).convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", visible.size, "black"), visible).convert("L")


@contextmanager
def _told(label: str) -> Iterator[None]:
    """What Pillow raises, as our errors."""
    try:
        yield
    except UnidentifiedImageError:
        raise ImageError(f"{label} is not a picture that can be read") from None
    except Image.DecompressionBombError:
        raise LimitError(f"{label} has more than {MAX_PIXELS} pixels") from None
    except (OSError, ValueError, SyntaxError) as error:
        raise ImageError(f"{label} is a damaged picture: {error}") from None


def _given(source: Source, label: str) -> Image.Image:
    if isinstance(source, np.ndarray):
        try:
            source = Image.fromarray(source)
        except (TypeError, ValueError) as error:
            raise ImageError(f"an array that is no picture: {error}") from None
    picture = source if isinstance(source, Image.Image) else _open(source, label)
    if 0 in picture.size:
        raise ImageError(f"{label} has no pixels")
    return picture


def _open(source: File, label: str) -> Image.Image:
    if isinstance(source, (str, os.PathLike)) and is_raw(Path(source)):
        raise ImageError(f"{label} is a raw photograph: develop it to TIFF or PNG first")
    data = read_file(source)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        picture = open_picture(data, label)
    if picture.width * picture.height > MAX_PIXELS:
        raise LimitError(f"{label} has more than {MAX_PIXELS} pixels")
    frames = getattr(picture, "n_frames", 1)
    if frames > 1:
        note(f"the first of {frames} frames is coded")
    return picture


def _upright(picture: Image.Image) -> Image.Image:
    """The picture as its EXIF orientation wants it seen."""
    try:
        turned = picture.getexif().get(ExifTags.Base.Orientation, 1) != 1
        return ImageOps.exif_transpose(picture) if turned else picture
    except Exception:  # Pillow has no one error for damaged EXIF
        note("the EXIF data is damaged; its orientation is not applied")
        return picture


def _metadata(picture: Image.Image) -> tuple[bytes, bytes]:
    """EXIF as a TIFF structure, written anew so that thumbnails stay behind, and XMP; empty where absent."""
    try:
        exif = picture.getexif()
        exif.pop(ExifTags.Base.Orientation, None)
        tiff = exif.tobytes().removeprefix(EXIF_PREFIX) if exif else b""
    except Exception:  # as above
        note("the EXIF data is damaged and not kept")
        tiff = b""
    xmp = picture.info.get("xmp", b"")
    return tiff, xmp.encode() if isinstance(xmp, str) else xmp


def to_tensor(picture: Image.Image, multiple: int) -> Tensor:
    """(1, 3, H, W) float32 in [0, 1], edges repeated to the right and below up to the multiple."""
    tensor = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255
    height, width = tensor.shape[2:]
    padded = F.pad(tensor, (0, -width % multiple, 0, -height % multiple), mode="replicate")
    return padded.contiguous(memory_format=torch.channels_last)


def tile_tensor(picture: Image.Image, tile: Window) -> Tensor:
    """(1, 3, 32 h, 32 w) float32 of an RGB picture's part under a window of h x w latents."""
    left, top = tile.left * LATENT_STRIDE, tile.top * LATENT_STRIDE
    right = min(left + tile.width * LATENT_STRIDE, picture.width)
    bottom = min(top + tile.height * LATENT_STRIDE, picture.height)
    return to_tensor(picture.crop((left, top, right, bottom)), LATENT_STRIDE)


def to_pixels(tensor: Tensor) -> np.ndarray:
    """The inverse of `to_tensor` except for the edges: clips, rounds to (H, W, 3) uint8."""
    return tensor[0].clamp(0, 1).mul(255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
