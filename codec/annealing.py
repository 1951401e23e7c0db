"""Latents chosen for one picture: what `effort` buys.

The encoder network gives every picture the latents that are good on average. Here they move on from there,
down the gradient of rate and distortion, which passes through the decoder's own networks. Distortion is the
restoration's: square error alone would buy its decibels with faint texture, so MS-SSIM counts as well. A
latent that is to be rounded is drawn instead, up or down by how near it is, and the draws get more certain
step by step: stochastic Gumbel annealing (Yang, Bamler and Mandt 2020, "Improving inference for neural image
compression").
Files need nothing new: decoders see latents like any others.
"""

from __future__ import annotations

import functools
import itertools
import logging
import time
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from ulbic.models.distortion import STRUCTURE_SIDE, squared_error, structure

from .images import tile_tensor
from .networks import Networks
from .relaxing import Rounding, relaxed, round_through
from .tradeoff import Tradeoff
from .windows import Window, tiles

HYPER_CELL = 4  # latents per side that share a hyper-latent
SIDE, AROUND = 6, 1  # of a tile and its margin, in hyper-latents: 768 and 128 pixels
RATE = 0.05  # of Adam, in quantisation steps; it falls to nothing
HOT, COLD = 0.5, 0.1  # the draws' temperature, at first and at last
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Annealing:
    """Better latents of one picture, at any rate point."""

    networks: Networks
    picture: Image.Image  # RGB
    tradeoff: Tradeoff
    steps: int

    def latents(self, y: Tensor, z: Tensor, gains: Tensor) -> Tensor:
        """y (1, latents, h, w) to better ones, tile by tile.

        Args:
            z: their hyper-latents, which stay; gains: (1,), or those of every cell, (1, h, w).
        """
        started, better = time.perf_counter(), torch.empty_like(y)
        gains = gains.view(1, -1, 1).expand(1, *y.shape[2:]) if gains.dim() == 1 else gains
        whole = Window(0, 0, *y.shape[2:])
        for tile in itertools.chain(*tiles(z.shape[2], z.shape[3], SIDE)):
            margin = tile.grown(AROUND, z.shape[2], z.shape[3])
            inner, outer = _on_latents(tile, whole), _on_latents(margin, whole)
            picture = tile_tensor(self.picture, outer).to(y.device)
            found = self._anneal(picture, outer.of(y), margin.of(z).round(), outer.of(gains))
            inner.of(better)[:] = inner.within(outer).of(found)
        _LOG.info("%d steps of annealing in %.1f s", self.steps, time.perf_counter() - started)
        return better

    def _anneal(self, picture: Tensor, y: Tensor, z_hat: Tensor, gains: Tensor) -> Tensor:
        """The last y, or the first where the draws have led to nothing better."""
        networks = self.networks.relaxed()
        worth = self.tradeoff.rate_weight(gains, networks.sizes.gains) / picture[0, 0].numel()

        def loss(y: Tensor, rounding: Rounding) -> Tensor:
            y_hat, bits = relaxed(networks, y, z_hat, rounding)
            restoration = networks.restore(y_hat, gains)
            total = (worth * bits).sum() + self.tradeoff.squared_weight * squared_error(restoration, picture)
            if min(picture.shape[2:]) >= STRUCTURE_SIDE:
                total = total + self.tradeoff.structure_weight * structure(restoration, picture)
            return total.squeeze()

        before, random = loss(y, round_through), torch.Generator().manual_seed(0)
        moving = y.clone().requires_grad_(True)
        optimizer = torch.optim.Adam([moving], RATE, betas=(0.9, 0.99))
        for step in range(self.steps):
            done = step / self.steps
            temperature = HOT * (COLD / HOT) ** done
            optimizer.param_groups[0]["lr"] = RATE * (1 - done)
            with torch.enable_grad():
                value = loss(moving, functools.partial(drawn, temperature=temperature, random=random))
                (moving.grad,) = torch.autograd.grad(value, [moving])
            optimizer.step()
        found = moving.detach()
        return found if bool(loss(found, round_through) < before) else y


def drawn(values: Tensor, temperature: float, random: torch.Generator) -> Tensor:
    """Values between the two integers around each, nearly the nearer one at a low temperature.

    Gradients are those of a two-way Gumbel softmax whose logits are -atanh(distance) / temperature.
    """
    low = values.detach().floor()
    above = (values - low).clamp(1e-4, 1 - 1e-4)
    uniform = torch.rand(values.shape, generator=random).clamp(1e-6, 1 - 1e-6).to(values.device)
    logit = (torch.atanh(above) - torch.atanh(1 - above)) / temperature
    return low + torch.sigmoid((logit + torch.logit(uniform)) / temperature)


def _on_latents(cells: Window, whole: Window) -> Window:
    """The latents of hyper-latents, as far as there are any."""
    return Window(*(HYPER_CELL * field for field in cells)).common(whole)
