"""What the continuous stream gives to predictor and pixel decoder, one rectangle of indices at a time."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ulbic.models.config import TOKEN_STRIDE, WINDOW

from .networks import Networks
from .windows import MARGIN, Group, Window


class _Surroundings(NamedTuple):
    """A rectangle with its margin."""

    outer: Window  # in latents
    y_hat: Tensor  # (1, latents, h, w), float32
    restoration: Tensor  # (1, 3, 32 h, 32 w), about [0, 1]


class Restoring:
    """Runs the synthesis and the bridge over the decoded latents of one picture."""

    def __init__(self, networks: Networks, y_hat: Tensor, gain: Tensor) -> None:
        """y_hat (1, latents, h, w), of any float type; gain (1,), or of every cell (1, h, w)."""
        self._networks = networks
        self._y_hat = y_hat.float().to(networks.device)
        self._gain = gain
        self._last: _Surroundings | None = None

    def restoration(self, box: Window) -> Tensor:
        """Pixels (1, 3, 16 h, 16 w), about [0, 1], of a rectangle of h x w indices."""
        around = self._around(box)
        return box.within(around.outer.doubled()).of(around.restoration, TOKEN_STRIDE)

    def correction(self, box: Window) -> Tensor:
        """The pixel decoder's map (1, channels, h, w) of a rectangle of h x w indices."""
        around = self._around(box)
        features = self._networks.correct(around.y_hat, around.restoration)
        return box.within(around.outer.doubled()).of(features)

    def assist(self, group: Group) -> Tensor:
        """The predictor's maps (n, channels, s, s) of the n windows of a group.

        s is 16, or 8 for the "linear" bridge; edges are repeated where the picture is smaller than a window.
        """
        around = self._around(group.box)
        features = self._networks.assist(around.y_hat, around.restoration)
        shrink = 2 * around.outer.height // features.shape[2]
        side = WINDOW // shrink
        maps = []
        for window in group.windows:
            top = (window.top - 2 * around.outer.top) // shrink
            left = (window.left - 2 * around.outer.left) // shrink
            part = features[:, :, top : top + side, left : left + side]
            maps.append(F.pad(part, (0, side - part.shape[3], 0, side - part.shape[2]), mode="replicate"))
        return torch.cat(maps)

    def _around(self, box: Window) -> _Surroundings:
        """The last rectangle is kept: a picture of one tile is restored once."""
        outer = box.halved().grown(MARGIN // 2, *self._y_hat.shape[2:])
        if self._last is None or self._last.outer != outer:
            y_hat = outer.of(self._y_hat)
            gain = self._gain if self._gain.dim() == 1 else outer.of(self._gain)
            self._last = _Surroundings(outer, y_hat, self._networks.restore(y_hat, gain))
        return self._last
