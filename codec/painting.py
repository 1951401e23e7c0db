"""Index map to pixels: overlapping windows, blended in a canvas that moves down the picture."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from ulbic.models.config import TOKEN_STRIDE

from .images import to_pixels
from .networks import Networks
from .restoring import Restoring
from .windows import PIXEL_OVERLAP, PIXEL_WINDOW, TILE, Group, Window, blend_shares, groups, windows

_BATCH = 8  # windows painted at once


@torch.no_grad()
def paint_map(
    networks: Networks, indices: Tensor, received: Tensor, restoring: Restoring | None
) -> np.ndarray:
    """The picture of a completed index map; without the restoration, of the indices alone.

    Args:
        indices: (rows, columns) int64.
        received: (rows, columns) bool, which of them were sent and not predicted.

    Returns:
        (16 rows, 16 columns, 3) uint8.
    """
    rows, columns = indices.shape
    picture = np.empty((rows * TOKEN_STRIDE, columns * TOKEN_STRIDE, 3), np.uint8)
    down, across = blend_shares(rows, indices.device), blend_shares(columns, indices.device)
    plan = groups(rows, columns, PIXEL_WINDOW, PIXEL_OVERLAP)
    bands = [list(band) for _, band in groupby(plan, key=lambda group: group.box.top)]
    ends = [band[0].box.top for band in bands[1:]] + [rows]
    overhang = torch.zeros(1, 3, 0, picture.shape[1], device=indices.device)  # of one band into the next
    for band, end in zip(bands, ends, strict=True):
        top, height = band[0].box.top, band[0].box.height
        canvas = overhang.new_zeros(1, 3, height * TOKEN_STRIDE, picture.shape[1])
        canvas[:, :, : overhang.shape[2]] = overhang
        for group in band:
            for window, pixels in _painted(networks, group, indices, received, restoring):
                share = down[window.top][:, None] * across[window.left]
                place = window._replace(top=window.top - top)
                place.of(canvas, TOKEN_STRIDE).add_(pixels * share)
        finished = (end - top) * TOKEN_STRIDE
        picture[top * TOKEN_STRIDE : end * TOKEN_STRIDE] = to_pixels(canvas[:, :, :finished])
        overhang = canvas[:, :, finished:]
    return picture


def _painted(
    networks: Networks, group: Group, indices: Tensor, received: Tensor, restoring: Restoring | None
) -> Iterator[tuple[Window, Tensor]]:
    """Every window of the group, and its pixels (3, 16 h, 16 w)."""
    if restoring is not None:
        correction, restoration = restoring.correction(group.box), restoring.restoration(group.box)
    for i in range(0, len(group.windows), _BATCH):
        batch = group.windows[i : i + _BATCH]
        corrections, restorations = None, None
        if restoring is not None:
            local = [window.within(group.box) for window in batch]
            corrections = torch.cat([window.of(correction) for window in local])
            restorations = torch.cat([window.of(restoration, TOKEN_STRIDE) for window in local])
        pixels = networks.paint(
            torch.stack([window.of(indices) for window in batch]),
            torch.stack([window.of(received) for window in batch]),
            corrections,
            restorations,
        )
        yield from zip(batch, pixels, strict=True)


@torch.no_grad()
def paint_restoration(restoring: Restoring, rows: int, columns: int) -> np.ndarray:
    """The restoration alone of a map of indices, (16 rows, 16 columns, 3) uint8."""
    picture = np.empty((rows * TOKEN_STRIDE, columns * TOKEN_STRIDE, 3), np.uint8)
    for tile in windows(rows, columns, TILE, 0):
        across = slice(tile.left * TOKEN_STRIDE, (tile.left + tile.width) * TOKEN_STRIDE)
        down = slice(tile.top * TOKEN_STRIDE, (tile.top + tile.height) * TOKEN_STRIDE)
        picture[down, across] = to_pixels(restoring.restoration(tile))
    return picture
