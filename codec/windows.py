"""How a map is cut: tiles that bound the memory of both directions, and windows that the decoder works on.

Networks run tile by tile, each tile with a margin of its surroundings, so that a picture of any size needs
the memory of one tile. A picture of one tile is computed at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ulbic.models.config import TOKEN_STRIDE

TILE = 128  # indices, 2048 pixels per side
MARGIN = 8  # indices, 128 pixels: what lies further away changes nothing, or next to nothing
PIXEL_WINDOW, PIXEL_OVERLAP = 32, 8  # indices; part of the format, since blending shapes the picture


class Window(NamedTuple):
    """A rectangle of the cells of a map."""

    top: int
    left: int
    height: int
    width: int

    def of(self, tensor: Tensor, scale: int = 1) -> Tensor:
        """The rectangle of a (..., h scale, w scale) tensor."""
        rows = slice(self.top * scale, (self.top + self.height) * scale)
        columns = slice(self.left * scale, (self.left + self.width) * scale)
        return tensor[..., rows, columns]

    def within(self, outer: Window) -> Window:
        """The same cells, counted from the corner of `outer`."""
        return self._replace(top=self.top - outer.top, left=self.left - outer.left)

    def grown(self, margin: int, height: int, width: int) -> Window:
        """With `margin` cells around it, as far as the map of (height, width) has them."""
        top, left = max(self.top - margin, 0), max(self.left - margin, 0)
        bottom = min(self.top + self.height + margin, height)
        right = min(self.left + self.width + margin, width)
        return Window(top, left, bottom - top, right - left)

    def halved(self) -> Window:
        """The cells of the map of half the resolution that cover it."""
        top, left = self.top // 2, self.left // 2
        bottom, right = -(-(self.top + self.height) // 2), -(-(self.left + self.width) // 2)
        return Window(top, left, bottom - top, right - left)

    def doubled(self) -> Window:
        """The same rectangle on the map of twice the resolution."""
        return Window(*(2 * field for field in self))


class Group(NamedTuple):
    """Neighbouring windows that fit into a tile."""

    box: Window  # around all of them
    windows: list[Window]  # in raster order


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


def groups(height: int, width: int, side: int, overlap: int) -> Iterator[Group]:
    """The same windows in groups, row of groups by row of groups."""
    for tops in _runs(starts(height, side, overlap), side, overlap):
        for lefts in _runs(starts(width, side, overlap), side, overlap):
            members = [
                Window(top, left, min(side, height), min(side, width)) for top in tops for left in lefts
            ]
            first, last = members[0], members[-1]
            rows, columns = last.top - first.top + last.height, last.left - first.left + last.width
            yield Group(Window(first.top, first.left, rows, columns), members)


def _runs(line: list[int], side: int, overlap: int) -> Iterator[list[int]]:
    """The starts of a line of windows, as many together as a tile is wide enough for."""
    count = max(1, (TILE - overlap) // (side - overlap))
    for i in range(0, len(line), count):
        yield line[i : i + count]


def blend_shares(length: int, device: torch.device) -> dict[int, Tensor]:
    """What each pixel window of a line of `length` indices has in its pixels, by the window's start.

    A window's weight falls linearly over the overlap to its edges; shares are weights divided by the sum of
    all windows' weights, so that they add up to 1. A window of the plane has the product of two shares.
    """
    line, side = starts(length, PIXEL_WINDOW, PIXEL_OVERLAP), min(PIXEL_WINDOW, length)
    distance = torch.arange(side * TOKEN_STRIDE, device=device) + 0.5
    ramp = torch.minimum(distance, distance.flip(0)).div(PIXEL_OVERLAP * TOKEN_STRIDE).clamp(max=1.0)
    total = torch.zeros(length * TOKEN_STRIDE, device=device)
    spans = {start: slice(start * TOKEN_STRIDE, (start + side) * TOKEN_STRIDE) for start in line}
    for span in spans.values():
        total[span] += ramp
    return {start: ramp / total[span] for start, span in spans.items()}
