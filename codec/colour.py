"""Whatever Pillow reads, as 8-bit sRGB: samples, colour profiles, and notes of what was lost on the way."""

from __future__ import annotations

import io
import warnings
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageCms

from ulbic.errors import ConversionNote

_GREY_MODES = ("1", "L", "LA", "La", "I", "F")  # and all that begin with "I;16"
_NAMES = {"CMYK": "CMYK", "LAB": "Lab"}  # of modes whose colours are not RGB
_PROFILE_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}  # colour space: Pillow's mode


class Colours(NamedTuple):
    """A picture's samples, taken apart."""

    pixels: Image.Image  # RGB, 8 bits a channel
    grey: bool  # the source knows no colours
    alpha: Image.Image | None  # L, where the source has any
    icc: bytes  # profile of the pixels; empty stands for sRGB


def note(text: str) -> None:
    """Tells the user of a conversion that loses something."""
    warnings.warn(text, ConversionNote, stacklevel=2)


def to_colours(picture: Image.Image, *, stored: str = "", keep_icc: bool = False) -> Colours:
    """Converts samples to 8 bits, and colours to sRGB, by the picture's profile where it has one.

    Args:
        stored: `stored_modes` of the picture before it was loaded.
        keep_icc: leave RGB and grey samples as they are and return their profile.

    Raises:
        ValueError: Pillow has no conversion from this mode.
    """
    grey = picture.mode in _GREY_MODES or picture.mode.startswith("I;16") or _has_word(stored, "LA")
    profile, icc = _profile(picture), picture.info.get("icc_profile", b"")
    alpha = None
    picture = _to_eight_bits(picture, stored)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        alpha = picture.getchannel("A")
        picture = picture.convert("L" if grey else "RGB")
    elif picture.mode not in _PROFILE_MODES.values():
        picture = picture.convert("L" if grey else "RGB")
    if picture.mode in _NAMES:
        note(f"{_NAMES[picture.mode]} colours are converted to RGB")
    if profile is None:
        return Colours(picture.convert("RGB"), grey, alpha, b"")
    space = profile.profile.xcolor_space.strip()
    if (picture.mode, space) == ("L", "RGB"):  # a grey picture in the space of its colour neighbours
        picture = picture.convert("RGB")
    if _PROFILE_MODES.get(space) != picture.mode:
        note(f"the colour profile is one of {space} and does not fit; the colours are taken for sRGB")
        return Colours(picture.convert("RGB"), grey, alpha, b"")
    if keep_icc and picture.mode in ("L", "RGB"):
        return Colours(picture.convert("RGB"), grey, alpha, icc)
    return Colours(_to_srgb(picture, profile), grey, alpha, b"")


def _profile(picture: Image.Image) -> ImageCms.ImageCmsProfile | None:
    """The embedded profile, if it can be used."""
    data = picture.info.get("icc_profile")
    if not data:
        return None
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(data))
    except (OSError, ImageCms.PyCMSError):
        note("the colour profile is damaged; the colours are taken for sRGB")
        return None


def _to_srgb(picture: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    """RGB pixels by the perceptual intent (ICC.1:2022, section 6.2.2)."""
    intent, srgb = ImageCms.Intent.PERCEPTUAL, ImageCms.createProfile("sRGB")
    try:
        converted = ImageCms.profileToProfile(picture, profile, srgb, intent, outputMode="RGB")
    except ImageCms.PyCMSError:
        note("the colour profile cannot be applied; the colours are taken for sRGB")
        converted = None
    return picture.convert("RGB") if converted is None else converted


def _to_eight_bits(picture: Image.Image, stored: str) -> Image.Image:
    """Brings samples of one channel to 8 bits; wide ones of several Pillow has scaled when it loaded them."""
    if picture.mode == "F":
        note("floating-point samples are clipped to 0 to 255 and rounded")
        return Image.fromarray(np.nan_to_num(np.asarray(picture)).clip(0, 255).round().astype(np.uint8))
    if not picture.mode.startswith("I"):
        if ";16" in stored:
            note("16-bit samples are converted to 8 bits")
        return picture
    wide = np.asarray(picture).astype(np.int64)
    sixteen = picture.mode != "I" or ";16" in stored or _has_word(stored, "PPM")  # which Pillow has scaled
    low, high = wide.min(), wide.max()
    if not sixteen and low >= 0 and high <= 255:
        note("32-bit samples, all of 0 to 255, are taken for 8-bit ones")
        return Image.fromarray(wide.astype(np.uint8))
    outside = "" if low >= 0 and high <= 65535 else "; those outside are clipped"
    note(f"{'16' if sixteen else '32'}-bit samples of 0 to 65535 are converted to 8 bits{outside}")
    return Image.fromarray((wide.clip(0, 65535) / 257).round().astype(np.uint8))


def _has_word(stored: str, start: str) -> bool:
    return any(word.startswith(start) for word in stored.split())


def stored_modes(picture: Image.Image) -> str:
    """How the file of a picture not loaded yet stores its samples, in Pillow's words: format and modes."""
    return " ".join([picture.format or "", *(str(tile[3]) for tile in getattr(picture, "tile", ()))])
