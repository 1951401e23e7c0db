"""How a map is cut: tiles that bound the memory of both directions, and windows that the decoder works on.

Networks run tile by tile, each tile with a margin of its surroundings, so that a picture of any size needs
the memory of one tile. A picture of one tile is computed at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from ulbic.models.config import TOKEN_STRIDE

TILE = 128  # indices, 2048 pixels per side
MARGIN = 8  # indices, 128 pixels: what lies further away changes nothing, or next to nothing
PIXEL_WINDOW, PIXEL_OVERLAP = 64, 4  # indices; part of the format, since blending shapes the picture


class Window(NamedTuple):
    """A rectangle of the cells of a map."""

    top: int
    left: int
    height: int
    width: int

    @property
    def bottom(self) -> int:
        """The first row below it."""
        return self.top + self.height

    @property
    def right(self) -> int:
        """The first column to its right."""
        return self.left + self.width

    def of(self, tensor: Tensor, scale: int = 1) -> Tensor:
        """The rectangle of a (..., h scale, w scale) tensor."""
        rows = slice(self.top * scale, self.bottom * scale)
        return tensor[..., rows, self.left * scale : self.right * scale]

    def within(self, outer: Window) -> Window:
        """The same cells, counted from the corner of `outer`."""
        return self._replace(top=self.top - outer.top, left=self.left - outer.left)

    def grown(self, margin: int, height: int, width: int) -> Window:
        """With `margin` cells around it, as far as the map of (height, width) has them."""
        return _between(
            max(self.top - margin, 0),
            max(self.left - margin, 0),
            min(self.bottom + margin, height),
            min(self.right + margin, width),
        )

    def common(self, other: Window) -> Window:
        """The cells of both; where there are none, its height or its width is not positive."""
        return _between(
            max(self.top, other.top),
            max(self.left, other.left),
            min(self.bottom, other.bottom),
            min(self.right, other.right),
        )

    def halved(self) -> Window:
        """The cells of the map of half the resolution that cover it."""
        return _between(self.top // 2, self.left // 2, -(-self.bottom // 2), -(-self.right // 2))

    def doubled(self) -> Window:
        """The same rectangle on the map of twice the resolution."""
        return Window(*(2 * field for field in self))


def _between(top: int, left: int, bottom: int, right: int) -> Window:
    return Window(top, left, bottom - top, right - left)


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


def tiles(height: int, width: int, side: int) -> list[list[Window]]:
    """Rows of tiles of at most `side` cells per side, which share out the map as evenly as cells allow."""
    return [
        [_between(top, left, bottom, right) for left, right in _shared_out(width, side)]
        for top, bottom in _shared_out(height, side)
    ]


def _shared_out(length: int, side: int) -> list[tuple[int, int]]:
    count = -(-length // side)
    ends = [i * length // count for i in range(count + 1)]
    return list(itertools.pairwise(ends))


def pixel_line(length: int) -> tuple[int, list[int]]:
    """Side of the pixel windows that cover a line of `length` indices, and where they begin.

    They are the fewest of at most PIXEL_WINDOW indices that share PIXEL_OVERLAP, and no larger than that
    takes, so that they overlap as little as they may.
    """
    if length <= PIXEL_WINDOW:
        return length, [0]
    count = -(-(length - PIXEL_OVERLAP) // (PIXEL_WINDOW - PIXEL_OVERLAP))
    side = -(-(length + (count - 1) * PIXEL_OVERLAP) // count)
    return side, starts(length, side, PIXEL_OVERLAP)


def pixel_windows(height: int, width: int) -> list[list[Window]]:
    """Rows of the windows that pixels are painted in."""
    (rows, tops), (columns, lefts) = pixel_line(height), pixel_line(width)
    return [[Window(top, left, rows, columns) for left in lefts] for top in tops]


def blend_shares(length: int, device: torch.device) -> dict[int, Tensor]:
    """What each pixel window of a line of `length` indices has in its pixels, by the window's start.

    A window's weight falls linearly over the overlap to its edges; shares are weights divided by the sum of
    all windows' weights, so that they add up to 1. A window of the plane has the product of two shares.
    """
    side, line = pixel_line(length)
    distance = torch.arange(side * TOKEN_STRIDE, device=device) + 0.5
    ramp = torch.minimum(distance, distance.flip(0)).div(PIXEL_OVERLAP * TOKEN_STRIDE).clamp(max=1.0)
    total = torch.zeros(length * TOKEN_STRIDE, device=device)
    spans = {start: slice(start * TOKEN_STRIDE, (start + side) * TOKEN_STRIDE) for start in line}
    for span in spans.values():
        total[span] += ramp
    return {start: ramp / total[span] for start, span in spans.items()}
