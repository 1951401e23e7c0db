"""What else the mask predictor can do (MAGE §4.1, suppl. §3): pictures from nothing, and parts of pictures.

With a class decoder (`classes.of_class`), also pictures of a class (MAGE suppl. §1.2).

All of it is one thing: a map of indices, some of them known, is completed by MaskGIT and decoded by the
tokenizer's own decoder, without the continuous stream. Known parts come back as the tokenizer renders them.
A 256x256 window is completed by what is known within it: larger pictures work window by window, and a window
without anything known becomes a picture of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ulbic.bitstream.container import MAX_PIXELS
from ulbic.errors import LimitError, SettingsError
from ulbic.models.config import TOKEN_STRIDE, WINDOW

from .bundle import Bundle
from .images import to_tensor
from .maskgit import MaskGitConfig, complete_indices
from .painting import paint_map

GENERATION = MaskGitConfig(steps=20, temperature=6.0, sampled=True)  # MAGE suppl. §3


@dataclass(frozen=True)
class Box:
    """A rectangle of a picture, in pixels; right and bottom lie outside."""

    left: int
    top: int
    right: int
    bottom: int


@torch.no_grad()
def generate(bundle: Bundle, seed: int = 0, config: MaskGitConfig = GENERATION) -> Image.Image:
    """A 256x256 RGB picture out of nothing: of no class in particular, or of the one of `of_class`."""
    nothing = torch.zeros(WINDOW, WINDOW, dtype=torch.int64, device=bundle.networks.device)
    return _painted(bundle, nothing, nothing.bool(), seed, config)


def inpaint(
    bundle: Bundle,
    picture: Image.Image,
    hole: Box | Image.Image,
    seed: int = 0,
    config: MaskGitConfig = GENERATION,
) -> Image.Image:
    """The RGB picture with `hole`, and what shares a 16x16 square with it, made up to fit the rest.

    Args:
        hole: a rectangle, or a mask of the picture's size that is white (brighter than half) where it is.

    Raises:
        SettingsError: the hole lies outside the picture, is empty, or is a mask of another size.
    """
    check_hole(picture, hole)
    missing = _covered(picture, hole, touching=True) if isinstance(hole, Box) else _white_squares(hole)
    return _completed(bundle, picture, ~missing, seed, config)


def uncrop(
    bundle: Bundle, picture: Image.Image, kept: Box, seed: int = 0, config: MaskGitConfig = GENERATION
) -> Image.Image:
    """The RGB picture of which only the 16x16 squares wholly in `kept` were known.

    Raises:
        SettingsError: `kept` lies outside the picture, or holds no such square.
    """
    check_box(picture, kept)
    known = _covered(picture, kept, touching=False)
    if not bool(known.any()):
        raise SettingsError(f"the box {_words(kept)} holds no whole square of {TOKEN_STRIDE} pixels per side")
    return _completed(bundle, picture, known, seed, config)


def outpaint(
    bundle: Bundle,
    picture: Image.Image,
    *,
    left: int = 0,
    top: int = 0,
    right: int = 0,
    bottom: int = 0,
    seed: int = 0,
    config: MaskGitConfig = GENERATION,
) -> Image.Image:
    """The RGB picture with so many pixels more on its four sides.

    Raises:
        LimitError: it would have more pixels than a picture may have.
        SettingsError: no 16x16 square of the new picture would lie wholly in the old one.
    """
    inner = Box(left, top, left + picture.width, top + picture.height)
    width, height = inner.right + right, inner.bottom + bottom
    if width * height > MAX_PIXELS:
        raise LimitError(f"the picture would have {width} x {height} pixels, more than {MAX_PIXELS}")
    mean_colour = picture.resize((1, 1)).getpixel((0, 0))
    canvas = Image.new("RGB", (width, height), mean_colour)
    canvas.paste(picture, (left, top))
    return uncrop(bundle, canvas, inner, seed, config)


def check_box(picture: Image.Image, box: Box) -> None:
    """Refuses what is no part of the picture.

    Raises:
        SettingsError: the box lies outside it, wholly or partly, or is empty.
    """
    inside = 0 <= box.left < box.right <= picture.width and 0 <= box.top < box.bottom <= picture.height
    if not inside:
        size = f"{picture.width} x {picture.height} pixels"
        raise SettingsError(f"the box {_words(box)} is no part of the picture, which has {size}")


def check_hole(picture: Image.Image, hole: Box | Image.Image) -> None:
    """Refuses a hole that `inpaint` would.

    Raises:
        SettingsError: see there.
    """
    if isinstance(hole, Box):
        check_box(picture, hole)
        return
    if hole.size != picture.size:
        sizes = f"{hole.width} x {hole.height} pixels, the picture {picture.width} x {picture.height}"
        raise SettingsError(f"the mask has {sizes}")
    if not bool(_white_squares(hole).any()):
        raise SettingsError("the mask is black all over: there is nothing to paint")


def _words(box: Box) -> str:
    return f"{box.left} {box.top} {box.right} {box.bottom}"


def _white_squares(mask: Image.Image) -> Tensor:
    """(rows, columns) bool: the 16x16 squares in which the mask has a white pixel."""
    white = torch.from_numpy(np.array(mask.convert("L")) > 127)
    padded = F.pad(white, (0, -mask.width % TOKEN_STRIDE, 0, -mask.height % TOKEN_STRIDE))
    return padded.unflatten(0, (-1, TOKEN_STRIDE)).unflatten(2, (-1, TOKEN_STRIDE)).any(dim=3).any(dim=1)


def _covered(picture: Image.Image, box: Box, *, touching: bool) -> Tensor:
    """(rows, columns) bool: the 16x16 squares that lie in the box, or also those that touch it."""
    columns = _line(picture.width, box.left, box.right, touching)
    rows = _line(picture.height, box.top, box.bottom, touching)
    return rows[:, None] & columns


def _line(length: int, first: int, end: int, touching: bool) -> Tensor:
    start = torch.arange(0, length, TOKEN_STRIDE)
    stop = (start + TOKEN_STRIDE).clamp(max=length)
    return (stop > first) & (start < end) if touching else (start >= first) & (stop <= end)


@torch.no_grad()
def _completed(
    bundle: Bundle, picture: Image.Image, known: Tensor, seed: int, config: MaskGitConfig
) -> Image.Image:
    networks = bundle.networks
    indices = networks.tokenise(to_tensor(picture, TOKEN_STRIDE).to(networks.device))[0]
    whole_squares = _painted(bundle, indices, known.to(networks.device), seed, config)
    return whole_squares.crop((0, 0, picture.width, picture.height))


def _painted(bundle: Bundle, indices: Tensor, known: Tensor, seed: int, config: MaskGitConfig) -> Image.Image:
    """The picture, of whole 16x16 squares, of a map completed where it is not `known`."""
    drawn = replace(config, noise=GumbelNoise(seed))
    completed = complete_indices(bundle.networks, indices, known, None, drawn)
    return Image.fromarray(paint_map(bundle.networks, completed, torch.zeros_like(known), None))


class GumbelNoise:
    """Gumbel noise from SplitMix64 (Steele 2014), integer arithmetic alone up to the last logarithm."""

    def __init__(self, seed: int) -> None:
        self._state = np.uint64(seed)

    def __call__(self, values: Tensor) -> Tensor:
        """Noise of the shape, type and device of `values`."""
        with np.errstate(over="ignore"):
            steps = np.arange(1, values.numel() + 1, dtype=np.uint64)
            z = self._state + steps * np.uint64(0x9E3779B97F4A7C15)
            self._state = z[-1]
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z = z ^ (z >> np.uint64(31))
        uniform = ((z >> np.uint64(11)).astype(np.float64) + 0.5) / 2.0**53
        return torch.from_numpy(-np.log(-np.log(uniform))).view(values.shape).to(values)
