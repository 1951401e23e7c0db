"""Regions of interest as a user asks for them: boxes and masks, each with its boost. Free of torch."""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ulbic.bitstream.boosts import BOOST_STEPS, MAX_BOOST
from ulbic.errors import SettingsError

if TYPE_CHECKING:
    from PIL import Image

DEFAULT_BOOST = 4.0  # gain steps, each about a quality

_BOX = re.compile(r"(-?\d+),(-?\d+),(-?\d+),(-?\d+)(?::(.*))?")
_ALMOST_A_BOX = re.compile(r"[-\d,.: ]+")
_MASK = re.compile(r"(.+?)(?::(-?\d+(?:\.\d*)?))?", re.DOTALL)


class Box(NamedTuple):
    """A rectangle of the upright picture, in pixels."""

    left: int
    top: int
    width: int
    height: int
    boost: float = DEFAULT_BOOST


class Mask(NamedTuple):
    """A picture of the upright picture's size: black has no boost, white all of it."""

    source: str | Path | Image.Image | np.ndarray
    boost: float = DEFAULT_BOOST


Region = Box | Mask
Roi = (
    Any  # None, a region, "x,y,w,h[:boost]", "PATH[:boost]", a mask, four or five numbers, or a list of these
)


def regions_of(roi: Roi) -> tuple[Region, ...]:
    """The regions that are meant, checked as far as they can be without the picture.

    Raises:
        SettingsError: it says no region, or a boost is not one of 0.5, 1, ... 8.
    """
    if roi is None:
        return ()
    if isinstance(roi, (tuple, list)) and not isinstance(roi, (Box, Mask)) and not _is_box(roi):
        return tuple(region for part in roi for region in regions_of(part))
    region = _region(roi)
    steps = region.boost * BOOST_STEPS
    if steps not in range(1, MAX_BOOST + 1):
        highest = MAX_BOOST / BOOST_STEPS
        raise SettingsError(f"a boost of {region.boost:g}: there are {1 / BOOST_STEPS:g}, 1, ... {highest:g}")
    if isinstance(region, Box) and (min(region.left, region.top) < 0 or min(region.width, region.height) < 1):
        raise SettingsError(f"{label(region)} is not inside any picture")
    return (region,)


def label(region: Region) -> str:
    """What a message calls it."""
    if isinstance(region, Box):
        return "the region " + ",".join(map(str, region[:4]))
    named = isinstance(region.source, (str, PathLike))
    return f"the mask {str(region.source)!r}" if named else "the mask"


def _is_box(roi: tuple[Any, ...] | list[Any]) -> bool:
    return len(roi) in (4, 5) and all(isinstance(part, (int, float, np.number)) for part in roi)


def _region(roi: Roi) -> Region:
    if isinstance(roi, (Box, Mask)):
        return roi
    if isinstance(roi, (tuple, list)):
        if any(part != int(part) for part in roi[:4]):
            raise SettingsError(f"the region {','.join(map(str, roi[:4]))} is not of whole pixels")
        return Box(*map(int, roi[:4]), *map(float, roi[4:]))
    if not isinstance(roi, str):
        return Mask(roi)
    box = _BOX.fullmatch(roi)
    if box is not None:
        return Box(*map(int, box.groups()[:4]), *_boost(roi, box[5]))
    mask = _MASK.fullmatch(roi)
    if mask is None or _ALMOST_A_BOX.fullmatch(roi):
        raise SettingsError(f"the region {roi!r} is neither x,y,width,height nor a mask")
    return Mask(mask[1], *_boost(roi, mask[2]))


def _boost(roi: str, text: str | None) -> tuple[float, ...]:
    try:
        return () if text is None else (float(text),)
    except ValueError:
        raise SettingsError(f"the region {roi!r} has a boost that is not a number") from None
