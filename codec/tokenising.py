"""The index map as the encoder has it, and what each index is worth: made tile by tile, when a mode asks."""

from __future__ import annotations

import itertools

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ulbic.models.config import latent_size, token_size

from .images import tile_tensor
from .maskgit import Completion
from .networks import Networks
from .restoring import Restoring
from .windows import MARGIN, TILE, Window, tiles


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

    @torch.no_grad()
    def worth(self, indices: np.ndarray, y_hat: Tensor, gains: Tensor) -> np.ndarray:
        """(rows, columns) float32: how much better the picture is where an index is sent and not predicted.

        Takes what decoding takes, twice.

        Args:
            indices: the map; y_hat, gains: as for `index_map`.

        Raises:
            WeightsError: the weights that know are missing.
        """
        networks, everything = self._networks, Window(0, 0, *indices.shape)
        restoring = Restoring(networks, y_hat, gains)
        exact = torch.from_numpy(indices)[None].to(networks.device)
        every = torch.ones_like(exact, dtype=torch.bool)
        completion = Completion(networks, exact[0], ~every[0], restoring.assist)
        worth = torch.empty(indices.shape)
        rows, columns = latent_size(*self._picture.size)
        for tile in itertools.chain(*tiles(rows, columns, TILE // 2)):
            outer = tile.grown(MARGIN // 2, rows, columns)
            box, inner = (cells.doubled().common(everything) for cells in (outer, tile))
            completion.reach(box.bottom)
            restoring.release(box.top)
            told = restoring.correction(box), restoring.restoration(box)
            guess = box.of(completion.indices)[None]
            guessed = networks.paint(guess, box.of(~every), *told)
            painted = networks.paint(box.of(exact), box.of(every), *told)
            image = tile_tensor(self._picture, outer).to(networks.device)
            image = image[..., : painted.shape[2], : painted.shape[3]]
            inner.of(worth)[:] = inner.within(box).of(networks.rank(image, guessed, painted))[0].cpu()
        return worth.numpy()

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
