"""What a user may ask for, checked once: the same objects from command line, Pillow and API on down.

Free of torch, so that a wrong setting is refused before the networks are loaded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from ulbic.bitstream.container import MAX_PIXELS
from ulbic.errors import SettingsError

from .profiles import DEFAULT_MODEL, PROFILES, Profile
from .regions import Roi, regions_of

EFFORT_STEPS = (0, 20, 60, 200)  # of annealing (`codec.annealing`)
EFFORTS = range(len(EFFORT_STEPS))


@dataclass(frozen=True, kw_only=True)
class EncodeSettings:
    """How to encode; every field is an option of `ulbic.encode` and of the command line.

    Raises:
        SettingsError: a value does not exist, is out of its range, or contradicts another.
    """

    quality: int | None = None  # 1 is the smallest file; None: the model's default
    target_size: int | None = None  # bytes: the best file that is not larger, instead of a quality's
    target_bpp: float | None = None  # the same in bits per pixel; of two targets the smaller one counts
    strict: bool = False  # make it an error that no file meets the target
    index_mode: str | None = None  # which indices are sent, instead of the quality's own mode
    effort: int = 0  # 0 to 3: how long to search for latents that cost less and show more
    roi: Roi = ()  # regions that get a higher gain: `codec.regions` says what they may be
    keep_icc: bool = False  # leave the colours as they are and send their profile; else they become sRGB
    keep_metadata: bool = False  # send EXIF and XMP
    verify: bool = False  # decode the symbols from the finished bytes and compare them
    model: str = DEFAULT_MODEL  # name of a profile
    weights: str | Path | None = None  # a weight file instead of a model's
    device: str = "auto"  # CUDA where there is one, else the CPU; or a torch device

    def __post_init__(self) -> None:
        if self.weights is None:
            self.check(PROFILES.named(self.model))
        if self.target_size is not None and self.target_size < 1:
            raise SettingsError(f"a target of {self.target_size} bytes")
        if self.target_bpp is not None and not 0 < self.target_bpp < math.inf:
            raise SettingsError(f"a target of {self.target_bpp} bits per pixel")
        if self.has_target and self.quality is not None:
            raise SettingsError("a quality and a target exclude each other")
        if self.strict and not self.has_target:
            raise SettingsError("strict needs a target size or a target of bits per pixel")
        if self.effort not in EFFORTS:
            raise SettingsError(f"an effort of {self.effort} is not one of {EFFORTS[0]} to {EFFORTS[-1]}")
        regions_of(self.roi)

    @property
    def has_target(self) -> bool:
        """Whether a budget decides, and not a quality."""
        return self.target_size is not None or self.target_bpp is not None

    def budget(self, pixels: int) -> int:
        """Bytes that the file of a picture of so many pixels may have; there must be a target."""
        by_rate = math.inf if self.target_bpp is None else self.target_bpp * pixels / 8
        by_size = math.inf if self.target_size is None else self.target_size
        return int(min(by_rate, by_size))

    def check(self, model: Profile) -> None:
        """Raises SettingsError where the model does not have the quality or the index mode."""
        model.rate_point(self.quality, self.index_mode)


@dataclass(frozen=True, kw_only=True)
class DecodeSettings:
    """How to decode; every field is an option of `ulbic.decode` and of the command line."""

    max_pixels: int = MAX_PIXELS  # refuse files that claim more
    allow_partial: bool = False  # take what is left of a truncated file, with a warning
    preview: bool = False  # the continuous stream's own picture, without predictor and pixel decoder
    weights: str | Path | None = None  # the weight file that a file was made with, if it was not a model's
    device: str = "auto"  # CUDA where there is one, else the CPU; or a torch device
