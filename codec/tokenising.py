"""The index map as the encoder has it: made tile by tile, and not before an index mode wants it."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ulbic.models.config import latent_size, token_size

from .images import tile_tensor
from .networks import Networks
from .restoring import Restoring
from .windows import MARGIN, TILE, tiles


class Tokenising:
    """The tokenizer and one picture."""

    def __init__(self, networks: Networks, picture: Image.Image) -> None:
        """`picture`: RGB."""
        self._networks, self._picture = networks, picture
        self._map: np.ndarray | None = None

    @torch.no_grad()
    def index_map(self, y_hat: Tensor, gains: Tensor) -> np.ndarray:
        """(rows, columns) int64, one index for each 16x16 pixels.

        A tokenizer that complements the restoration is asked again at every rate, others only once.

        Args:
            y_hat: the decoded latents (1, latents, h, w); gains: those of a rate point, as for `Restoring`.
        """
        if self._networks.complements:
            return self._tokenise(Restoring(self._networks, y_hat, gains))
        if self._map is None:
            self._map = self._tokenise(None)
        return self._map

    def _tokenise(self, restoring: Restoring | None) -> np.ndarray:
        rows, columns = latent_size(*self._picture.size)
        tokens = torch.empty(1, 2 * rows, 2 * columns, dtype=torch.int64, device=self._networks.device)
        for tile in itertools.chain(*tiles(rows, columns, TILE // 2)):
            outer = tile.grown(MARGIN // 2, rows, columns)
            if restoring is not None:
                restoring.release(2 * outer.top)
            image = tile_tensor(self._picture, outer).to(self._networks.device)
            known = None if restoring is None else restoring.restoration(outer.doubled())
            inner = tile.within(outer)
            tile.of(tokens, 2)[:] = inner.of(self._networks.tokenise(image, known), 2)
        height, width = token_size(*self._picture.size)
        return tokens[0, :height, :width].cpu().numpy()
