"""What the continuous stream gives to predictor and pixel decoder, one rectangle of indices at a time.

The networks run tile by tile, and once for every tile: what they gave is kept until `release`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from ulbic.models.config import LATENT_STRIDE, TOKEN_STRIDE, WINDOW

from .networks import Networks
from .windows import MARGIN, TILE, Window, tiles

_CELL = LATENT_STRIDE // TOKEN_STRIDE  # indices per side of a latent


class Restoring:
    """Runs the synthesis and the bridge over the decoded latents of one picture."""

    def __init__(self, networks: Networks, y_hat: Tensor, gain: Tensor) -> None:
        """y_hat (1, latents, h, w), of any float type; gain (1,), or of every cell (1, h, w)."""
        y_hat = y_hat.float().to(networks.device)
        self.places = tiles(y_hat.shape[2], y_hat.shape[3], TILE // _CELL)  # in latents
        self._rows = [[_Tile(networks, y_hat, gain, place) for place in row] for row in self.places]

    def restoration(self, box: Window) -> Tensor:
        """Pixels (1, 3, 16 h, 16 w), about [0, 1], of a rectangle of h x w indices."""
        cells = box.halved()
        pixels = self._joined(cells, lambda tile: tile.restoration)
        return box.within(cells.doubled()).of(pixels, TOKEN_STRIDE)

    def correction(self, box: Window) -> Tensor:
        """The pixel decoder's map (1, channels, h, w) of a rectangle of h x w indices."""
        cells = box.halved()
        return box.within(cells.doubled()).of(self._joined(cells, lambda tile: tile.correction))

    def assist(self, window: Window) -> Tensor:
        """The predictor's map (1, channels, s, s) of one of its windows.

        s is 16, or 8 for the "linear" bridge; edges are repeated where the picture is smaller than a window.
        """
        cells = window.halved()
        features = self._joined(cells, lambda tile: tile.assist)
        scale = features.shape[2] // cells.height
        side = WINDOW * scale // _CELL
        top, left = ((start % _CELL) * scale // _CELL for start in window[:2])
        part = features[:, :, top : top + side, left : left + side]
        return F.pad(part, (0, side - part.shape[3], 0, side - part.shape[2]), mode="replicate")

    def release(self, row: int) -> None:
        """Forgets what lies above a row of indices, to make room."""
        while self._rows and self._rows[0][0].place.bottom * _CELL <= row:
            del self._rows[0]

    def _joined(self, cells: Window, layer: Callable[[_Tile], Tensor]) -> Tensor:
        """One layer of the tiles, over a rectangle of latents."""
        rows = []
        for row in self._rows:
            parts = []
            for tile in row:
                common = cells.common(tile.place)
                if common.height > 0 and common.width > 0:
                    whole = layer(tile)
                    parts.append(common.within(tile.place).of(whole, whole.shape[2] // tile.place.height))
            if parts:
                rows.append(torch.cat(parts, dim=3) if len(parts) > 1 else parts[0])
        return torch.cat(rows, dim=2) if len(rows) > 1 else rows[0]


class _Tile:
    """A rectangle of latents, and what the networks say of it, each computed when it is first asked for."""

    def __init__(self, networks: Networks, y_hat: Tensor, gain: Tensor, place: Window) -> None:
        self.place = place
        self._networks = networks
        self._outer = place.grown(MARGIN // _CELL, y_hat.shape[2], y_hat.shape[3])
        self._y_hat = self._outer.of(y_hat)
        self._gain = gain if gain.dim() == 1 else self._outer.of(gain)

    @cached_property
    def _surroundings(self) -> Tensor:
        """The restoration with the margin."""
        return self._networks.restore(self._y_hat, self._gain)

    @cached_property
    def restoration(self) -> Tensor:
        return self._inside(self._surroundings)

    @cached_property
    def assist(self) -> Tensor:
        return self._inside(self._networks.assist(self._y_hat, self._surroundings))

    @cached_property
    def correction(self) -> Tensor:
        return self._inside(self._networks.correct(self._y_hat, self._surroundings))

    def _inside(self, features: Tensor) -> Tensor:
        """Without the margin."""
        return self.place.within(self._outer).of(features, features.shape[2] // self._outer.height)
