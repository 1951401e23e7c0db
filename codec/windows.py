"""How a map of indices is cut into windows, and how windows of pixels are blended back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ulbic.models.config import TOKEN_STRIDE

PIXEL_WINDOW, PIXEL_OVERLAP = 32, 8  # indices; part of the format, since blending shapes the picture


class Window(NamedTuple):
    """A rectangle of indices."""

    top: int
    left: int
    height: int
    width: int

    def of(self, tensor: Tensor, scale: int = 1) -> Tensor:
        """The rectangle of a (..., h scale, w scale) tensor."""
        rows = slice(self.top * scale, (self.top + self.height) * scale)
        columns = slice(self.left * scale, (self.left + self.width) * scale)
        return tensor[..., rows, columns]


def starts(length: int, window: int, overlap: int) -> list[int]:
    """Where windows begin so that they cover `length`, each sharing at least `overlap` with the next."""
    if length <= window:
        return [0]
    count = -(-(length - overlap) // (window - overlap))
    return [round(i * (length - window) / (count - 1)) for i in range(count)]


def windows(height: int, width: int, side: int, overlap: int) -> Iterator[Window]:
    """Windows in raster order; a map smaller than a window is one smaller window."""
    for top in starts(height, side, overlap):
        for left in starts(width, side, overlap):
            yield Window(top, left, min(side, height), min(side, width))


def blend_weight(window: Window) -> Tensor:
    """(height, width) weights in pixels: 1 inside, falling linearly over the overlap to the edges."""
    ramp = PIXEL_OVERLAP * TOKEN_STRIDE

    def line(length: int) -> Tensor:
        distance = torch.arange(length * TOKEN_STRIDE) + 0.5
        return torch.minimum(distance, distance.flip(0)).div(ramp).clamp(max=1.0)

    return line(window.height)[:, None] * line(window.width)
