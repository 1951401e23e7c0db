"""Index map to pixels: overlapping windows, blended in a canvas that moves down the picture."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ulbic.models.config import TOKEN_STRIDE

from .images import to_pixels
from .networks import Networks
from .progress import unheard
from .restoring import Restoring
from .windows import Window, blend_shares, pixel_windows


@torch.no_grad()
def paint_map(
    networks: Networks,
    indices: Tensor,
    received: Tensor,
    restoring: Restoring | None,
    prepare: Callable[[int], None] = unheard,
    count: Callable[[int], None] = unheard,
) -> np.ndarray:
    """The picture of a completed index map; without the restoration, of the indices alone.

    Args:
        indices: (rows, columns) int64.
        received: (rows, columns) bool, which of them were sent and not predicted.
        prepare: called with a number of rows of `indices`, before as many of them are looked at.
        count: called with the number of indices of every window that is painted.

    Returns:
        (16 rows, 16 columns, 3) uint8.
    """
    rows, columns = indices.shape
    picture = np.empty((rows * TOKEN_STRIDE, columns * TOKEN_STRIDE, 3), np.uint8)
    down, across = blend_shares(rows, indices.device), blend_shares(columns, indices.device)
    bands = pixel_windows(rows, columns)
    ends = [band[0].top for band in bands[1:]] + [rows]
    overhang = torch.zeros(1, 3, 0, picture.shape[1], device=indices.device)  # of one band into the next
    for band, end in zip(bands, ends, strict=True):
        top, height = band[0].top, band[0].height
        prepare(top + height)
        canvas = overhang.new_zeros(1, 3, height * TOKEN_STRIDE, picture.shape[1])
        canvas[:, :, : overhang.shape[2]] = overhang
        for window in band:
            pixels = _painted(networks, window, indices, received, restoring)
            share = down[window.top][:, None] * across[window.left]
            window._replace(top=0).of(canvas, TOKEN_STRIDE).addcmul_(pixels, share)
            count(window.height * window.width)
        finished = (end - top) * TOKEN_STRIDE
        picture[top * TOKEN_STRIDE : end * TOKEN_STRIDE] = to_pixels(canvas[:, :, :finished])
        overhang = canvas[:, :, finished:]
        if restoring is not None:
            restoring.release(end)
    return picture


def _painted(
    networks: Networks, window: Window, indices: Tensor, received: Tensor, restoring: Restoring | None
) -> Tensor:
    """The pixels (1, 3, 16 h, 16 w) of a window."""
    correction, restoration = None, None
    if restoring is not None:
        correction, restoration = restoring.correction(window), restoring.restoration(window)
    return networks.paint(window.of(indices)[None], window.of(received)[None], correction, restoration)


@torch.no_grad()
def paint_restoration(restoring: Restoring, rows: int, columns: int) -> np.ndarray:
    """The restoration alone of a map of indices, (16 rows, 16 columns, 3) uint8."""
    everything = Window(0, 0, rows, columns)
    picture = np.empty((rows * TOKEN_STRIDE, columns * TOKEN_STRIDE, 3), np.uint8)
    for row in restoring.places:
        for place in row:
            tile = place.doubled().common(everything)
            down = slice(tile.top * TOKEN_STRIDE, tile.bottom * TOKEN_STRIDE)
            across = slice(tile.left * TOKEN_STRIDE, tile.right * TOKEN_STRIDE)
            picture[down, across] = to_pixels(restoring.restoration(tile))
        restoring.release(row[0].doubled().bottom)
    return picture
