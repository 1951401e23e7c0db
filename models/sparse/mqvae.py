"""MQ-VAE (Huang 2023, "Not All Image Regions Matter"): a picture as pairs of code and position.

picture ──Encoder──> features ──AdaptiveMask──> kept features ──Quantiser──> codes at positions
codes at positions ──AdaptiveDemask──> features ──Decoder──> picture
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from .config import MqVaeConfig
from .demasker import AdaptiveDemask
from .masker import AdaptiveMask, Masked
from .quantiser import Quantised, Quantiser
from .trunk import Decoder, Encoder


class MqOutput(NamedTuple):
    """A forward pass."""

    reconstruction: Tensor  # (B, 3, H, W), about [-1, 1]
    masked: Masked
    quantised: Quantised


class Pairs(NamedTuple):
    """A picture's codes and where they stand, both (B, k) int64. Positions are raster indices."""

    codes: Tensor
    positions: Tensor

    def in_raster_order(self) -> Pairs:
        """The same pairs by rising position, as the priors read them."""
        order = self.positions.argsort(dim=1)
        return Pairs(self.codes.gather(1, order), self.positions.gather(1, order))


class MqVae(nn.Module):
    """Encoder, mask, codebook, de-mask and decoder."""

    def __init__(self, config: MqVaeConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(config.encoder, config.features)
        self.masker = AdaptiveMask(config)
        self.quantize = Quantiser(config.codes, config.dim)
        self.demasker = AdaptiveDemask(config)
        self.decoder = Decoder(config.decoder, None)

    def forward(self, picture: Tensor, kept: int | None = None) -> MqOutput:
        """(B, 3, H, W) in [-1, 1], sides multiples of the stride; `kept` positions, or the preset share."""
        (features,) = self.encoder.maps(picture)
        masked = self.masker(features, kept)
        quantised = self.quantize(masked.features)
        reconstruction = self._paint(quantised.values, masked.positions, *features.shape[2:])
        return MqOutput(reconstruction, masked, quantised)

    @torch.no_grad()
    def pairs(self, picture: Tensor, kept: int | None = None) -> Pairs:
        """(B, 3, H, W) in [-1, 1] to its pairs in raster order."""
        (features,) = self.encoder.maps(picture)
        masked = self.masker(features, kept)
        return Pairs(self.quantize.nearest(masked.features), masked.positions).in_raster_order()

    @torch.no_grad()
    def paint(self, pairs: Pairs, height: int, width: int) -> Tensor:
        """The picture of pairs on a grid of height x width positions; the pairs' order is irrelevant."""
        return self._paint(self.quantize.codes(pairs.codes), pairs.positions, height, width)

    def _paint(self, codes: Tensor, positions: Tensor, height: int, width: int) -> Tensor:
        return self.decoder(self.demasker(codes, positions, height, width))
