"""Views of pictures: random crops of any size and shape, resized to a square and mirrored; batches."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .data import PictureStore, prepared

SMALLEST_SHARE = 0.2  # of the picture's area that a view shows (MAGE suppl. section 3, "Pre-training")
SQUAREST, TRIES = 3 / 4, 10  # its sides are to each other as 3 to 4 at most; as in torchvision


class View(NamedTuple):
    """A rectangle of a picture, in pixels."""

    top: int
    left: int
    height: int
    width: int
    mirrored: bool = False


def random_view(rng: np.random.Generator, height: int, width: int, smallest: float = SMALLEST_SHARE) -> View:
    """One of a random share of the area, from `smallest` to all, and of a random shape."""
    for _ in range(TRIES):
        area = height * width * rng.uniform(smallest, 1.0)
        shape = math.exp(rng.uniform(math.log(SQUAREST), -math.log(SQUAREST)))
        rows, columns = round(math.sqrt(area / shape)), round(math.sqrt(area * shape))
        if 0 < rows <= height and 0 < columns <= width:
            top, left = rng.integers(height - rows + 1), rng.integers(width - columns + 1)
            return View(int(top), int(left), rows, columns, bool(rng.random() < 0.5))
    return centre_view(height, width)._replace(mirrored=bool(rng.random() < 0.5))


def centre_view(height: int, width: int) -> View:
    """The largest square in the middle."""
    side = min(height, width)
    return View((height - side) // 2, (width - side) // 2, side, side)


def cut(picture: np.ndarray, view: View, size: int) -> Tensor:
    """(3, size, size) in [0, 1] of a picture, HWC uint8."""
    part = picture[view.top : view.top + view.height, view.left : view.left + view.width]
    if view.mirrored:
        part = part[:, ::-1]
    tensor = torch.from_numpy(part.copy()).permute(2, 0, 1)[None].float() / 255
    return F.interpolate(tensor, (size, size), mode="bilinear", antialias=True)[0]


def view_pairs(
    store: PictureStore,
    batch: int,
    size: int = 256,
    seed: int = 0,
    step: int = 0,
    workers: int = 1,
    rows: slice = slice(None),
) -> Iterator[Tensor]:
    """Endless batches of (B, 3, size, size) in [0, 1], whose rows 2 i and 2 i + 1 are views of one picture.

    What a step is given depends on the seed and the step alone. `rows` of every batch are cut.
    """

    def make(step: int) -> Tensor:
        rng = np.random.default_rng((seed, step))
        pictures = rng.integers(len(store), size=batch // 2).repeat(2)
        views = [random_view(rng, *map(int, store.shapes[picture])) for picture in pictures]
        chosen = list(zip(pictures, views, strict=True))[rows]
        crops = torch.stack([cut(store[int(picture)], view, size) for picture, view in chosen])
        return crops.contiguous(memory_format=torch.channels_last)

    return prepared(make, itertools.count(step), workers)
