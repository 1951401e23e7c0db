"""What else the mask predictor can do (MAGE §4.1, suppl. §3): pictures from nothing, and parts of pictures.

All of it is one thing: a map of indices, some of them known, is completed by MaskGIT and decoded by the
tokenizer's own decoder, without the continuous stream. Known parts come back as the tokenizer renders them.
A 256x256 window is completed by what is known within it: larger pictures work window by window, and a window
without anything known becomes a picture of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

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
    """A 256x256 RGB picture out of nothing, of no class in particular."""
    nothing = torch.zeros(WINDOW, WINDOW, dtype=torch.int64, device=bundle.networks.device)
    return _painted(bundle, nothing, nothing.bool(), seed, config)


def inpaint(
    bundle: Bundle, picture: Image.Image, hole: Box, seed: int = 0, config: MaskGitConfig = GENERATION
) -> Image.Image:
    """The RGB picture with `hole`, and what shares a 16x16 square with it, made up to fit the rest."""
    known = ~_covered(picture, hole, touching=True)
    return _completed(bundle, picture, known, seed, config)


def uncrop(
    bundle: Bundle, picture: Image.Image, kept: Box, seed: int = 0, config: MaskGitConfig = GENERATION
) -> Image.Image:
    """The RGB picture of which only the 16x16 squares wholly in `kept` were known."""
    known = _covered(picture, kept, touching=False)
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
    """The RGB picture with so many pixels more on its four sides."""
    inner = Box(left, top, left + picture.width, top + picture.height)
    mean_colour = picture.resize((1, 1)).getpixel((0, 0))
    canvas = Image.new("RGB", (inner.right + right, inner.bottom + bottom), mean_colour)
    canvas.paste(picture, (left, top))
    return uncrop(bundle, canvas, inner, seed, config)


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
