"""What else the mask predictor can do (MAGE §4.1, suppl. §3): pictures from nothing, and parts of pictures.

With a class decoder, also pictures of a class (MAGE suppl. §1.2).

All of it is one thing: a map of indices, some of them known, is completed by MaskGIT and decoded by the
tokenizer's own decoder, without the continuous stream. Known parts come back as the tokenizer renders them.
A 256x256 window is completed by what is known within it: larger pictures work window by window, and a window
without anything known becomes a picture of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ulbic.bitstream.container import MAX_PIXELS
from ulbic.errors import LimitError, MismatchError, WeightsError
from ulbic.models.class_decoder import ClassPredictor
from ulbic.models.class_weights import ClassWeights, encoder_tag, load_class_weights
from ulbic.models.config import TOKEN_STRIDE, WINDOW
from ulbic.models.predictor import MaskPredictor

from .bundle import Bundle
from .images import to_tensor
from .maskgit import MaskGitConfig, complete_indices
from .painting import paint

GENERATION = MaskGitConfig(steps=20, temperature=6.0, sampled=True)  # MAGE suppl. §3


@dataclass(frozen=True)
class Box:
    """A rectangle of a picture, in pixels; right and bottom lie outside."""

    left: int
    top: int
    right: int
    bottom: int


class OfClass(NamedTuple):
    """What is to be seen."""

    weights: ClassWeights  # as `open_class_weights` gave them
    label: int


def open_class_weights(bundle: Bundle, path: Path) -> ClassWeights:
    """A class decoder for the bundle, on its device.

    Raises:
        WeightsError: missing, no such file, or trained on the encoder of other weights.
    """
    weights = load_class_weights(path)
    own = encoder_tag(bundle.model.predictor)
    if weights.encoder != own:
        raise WeightsError(f"{path.name} belongs to another encoder ({weights.encoder}, these have {own})")
    return weights._replace(decoder=weights.decoder.to(bundle.device))


@torch.no_grad()
def generate(
    bundle: Bundle, seed: int = 0, config: MaskGitConfig = GENERATION, of: OfClass | None = None
) -> Image.Image:
    """A 256x256 RGB picture out of nothing, of the class `of`, or of none in particular."""
    nothing = torch.zeros(WINDOW, WINDOW, dtype=torch.int64, device=bundle.device)
    return _painted(bundle, nothing, nothing.bool(), seed, config, of)


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
        MismatchError: the hole lies outside the picture, is empty, or is a mask of another size.
    """
    check_hole(picture, hole)
    missing = _covered(picture, hole, touching=True) if isinstance(hole, Box) else _white_squares(hole)
    return _completed(bundle, picture, ~missing, seed, config)


def uncrop(
    bundle: Bundle, picture: Image.Image, kept: Box, seed: int = 0, config: MaskGitConfig = GENERATION
) -> Image.Image:
    """The RGB picture of which only the 16x16 squares wholly in `kept` were known.

    Raises:
        MismatchError: `kept` lies outside the picture, or holds no such square.
    """
    check_box(picture, kept)
    known = _covered(picture, kept, touching=False)
    if not bool(known.any()):
        raise MismatchError(f"the box {_words(kept)} holds no whole square of {TOKEN_STRIDE} pixels a side")
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
        MismatchError: no 16x16 square of the new picture would lie wholly in the old one.
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
        MismatchError: the box lies outside it, wholly or partly, or is empty.
    """
    inside = 0 <= box.left < box.right <= picture.width and 0 <= box.top < box.bottom <= picture.height
    if not inside:
        size = f"{picture.width} x {picture.height} pixels"
        raise MismatchError(f"the box {_words(box)} is no part of the picture, which has {size}")


def check_hole(picture: Image.Image, hole: Box | Image.Image) -> None:
    """Refuses a hole that `inpaint` would.

    Raises:
        MismatchError: see there.
    """
    if isinstance(hole, Box):
        check_box(picture, hole)
        return
    if hole.size != picture.size:
        sizes = f"{hole.width} x {hole.height} pixels, the picture {picture.width} x {picture.height}"
        raise MismatchError(f"the mask has {sizes}")
    if not bool(_white_squares(hole).any()):
        raise MismatchError("the mask is black all over: there is nothing to paint")


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
    with bundle.pixel_precision():
        indices = bundle.model.tokenizer.indices(to_tensor(picture, TOKEN_STRIDE).to(bundle.device))[0]
    whole_squares = _painted(bundle, indices, known.to(bundle.device), seed, config)
    return whole_squares.crop((0, 0, picture.width, picture.height))


def _painted(
    bundle: Bundle,
    indices: Tensor,
    known: Tensor,
    seed: int,
    config: MaskGitConfig,
    of: OfClass | None = None,
) -> Image.Image:
    """The picture, of whole 16x16 squares, of a map completed where it is not `known`."""
    predictor = bundle.model.predictor
    if of is not None:  # called as a predictor is
        predictor = cast(MaskPredictor, ClassPredictor(predictor, of.weights.decoder, of.label))
    with bundle.pixel_precision():
        completed = complete_indices(predictor, indices, known, None, config, seed)
        return Image.fromarray(paint(bundle.model, completed, torch.zeros_like(known), None))
