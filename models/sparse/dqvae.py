"""DQ-VAE (Huang 2023, "Towards Accurate Image Coding"): variable length codes, region by region.

picture ──Encoder──> coarse and fine maps ──router──> one map ──Quantiser──> indices and granularities
indices, granularities ──codes──> Decoder ──> picture
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .config import DqVaeConfig, TrunkConfig
from .masker import baseline_scores
from .quantiser import Quantised, Quantiser
from .router import (
    GRAIN_NAMES,
    FeatureRouter,
    budget_loss,
    code_shares,
    enlarge,
    gumbel_noise,
    merge,
    patch_entropy,
    straight_through,
)
from .trunk import Decoder, Encoder


class Routed(NamedTuple):
    """What the encoder gives."""

    maps: list[Tensor]  # (B, features, n 2^g, m 2^g), coarsest first
    logits: Tensor | None  # (B, n, m, granularities) of the feature router; others have none
    gate: Tensor  # (B, n, m, granularities), one-hot
    grains: Tensor  # (B, n, m) int64, 0 = coarsest
    merged: Tensor  # (B, features, finest h, w)


class DqOutput(NamedTuple):
    """A forward pass."""

    reconstruction: Tensor  # (B, 3, H, W), about [-1, 1]
    routed: Routed
    quantised: Quantised


class DualCodes(NamedTuple):
    """A picture's indices at the finest size, (B, h, w), and the granularity of each region, (B, n, m).

    The indices of a coarse region are all equal, and count as one.
    """

    indices: Tensor
    grains: Tensor

    def lengths(self) -> Tensor:
        """How many codes each picture has, (B,) int64."""
        return (4**self.grains).flatten(1).sum(dim=1)


class HierarchicalEncoder(Encoder):
    """One trunk, a head a granularity, and the router."""

    def __init__(self, config: DqVaeConfig) -> None:
        super().__init__(config.encoder, config.features, GRAIN_NAMES[config.granularities])
        self.config = config
        self.router = FeatureRouter(config) if config.router == "feature" else None

    def forward(self, picture: Tensor, noise: Tensor | None = None) -> Routed:
        """Routes (B, 3, H, W) in [-1, 1]; in training with Gumbel `noise` on the logits, drawn if None."""
        maps = self.maps(picture)
        if self.router is None:
            entropy = self.config.router == "entropy"
            grains = self._entropy_grains(picture) if entropy else self._regular_grains(maps[0])
            gate = nn.functional.one_hot(grains, self.config.granularities).float()
            return Routed(maps, None, gate, grains, merge(maps, grains))
        logits = self.router(maps).float()
        if not self.training and noise is None:
            noise = torch.zeros_like(logits)
        return self.route(maps, logits, gumbel_noise(logits) if noise is None else noise)

    def route(self, maps: list[Tensor], logits: Tensor, noise: Tensor) -> Routed:
        """Chooses by the noisy logits; the gradient of a region's gate is that of its features' scale."""
        gate = straight_through(logits, noise)
        grains = gate.argmax(dim=-1)
        merged = merge(maps, grains)
        scale = merged.shape[-1] // grains.shape[-1]
        value = gate.amax(dim=-1)[:, None]  # 1
        return Routed(maps, logits, gate, grains, merged * enlarge(value, scale))

    def _entropy_grains(self, picture: Tensor) -> Tensor:
        side = self.config.encoder.stride
        return (patch_entropy(picture, side) > self.config.entropy_threshold).long()

    def _regular_grains(self, coarse: Tensor) -> Tensor:
        """The target share of the regions is fine, wherever they lie: a half is a chessboard."""
        batch, _, n, m = coarse.shape
        fine = round(self.config.target_shares[0] * n * m)
        order = baseline_scores("regular", batch, n, m).argsort(dim=1, descending=True, stable=True)
        grains = torch.zeros(batch, n * m, dtype=torch.int64).scatter_(1, order[:, :fine], 1)
        return grains.view(batch, n, m).to(coarse.device)


class Tables(nn.Module):
    """One learnt vector a column and one a row of a square map of at most `side` positions a side."""

    def __init__(self, side: int, channels: int) -> None:
        super().__init__()
        self.row_embed, self.col_embed = nn.Embedding(side, channels), nn.Embedding(side, channels)
        for table in (self.row_embed, self.col_embed):
            nn.init.trunc_normal_(table.weight, std=1.0, a=-2.0, b=2.0)

    def forward(self, height: int, width: int) -> Tensor:
        rows, columns = self.row_embed.weight[:height].T, self.col_embed.weight[:width].T
        return rows[:, :, None] + columns[:, None]


class Fourier(nn.Module):
    """Sines of learnt combinations of the coordinates, each -1 to 1 (x first)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        conv = nn.Conv2d(2, channels, 1)
        nn.init.uniform_(conv.weight, -math.sqrt(9 / 2), math.sqrt(9 / 2))
        self.lff = nn.ModuleDict({"ffm": nn.ModuleDict({"conv": conv})})  # the public names

    def forward(self, height: int, width: int) -> Tensor:
        conv: nn.Module = self.lff["ffm"]["conv"]  # type: ignore[index]
        y, x = (torch.linspace(-1, 1, n) for n in (height, width))
        place = torch.stack(torch.meshgrid(x, y, indexing="xy"))
        return conv(place[None].to(next(conv.parameters())))[0].sin()


class PositionalDecoder(Decoder):
    """A decoder that adds position features to its input."""

    def __init__(self, config: TrunkConfig, inputs: int, side: int) -> None:
        super().__init__(config, inputs)
        self.position_bias_fourier = Fourier(inputs)
        self.position_bias_learned = Tables(side, inputs)

    def forward(self, h: Tensor) -> Tensor:
        size = h.shape[2:]
        return super().forward(h + self.position_bias_fourier(*size) + self.position_bias_learned(*size))


class DqVae(nn.Module):
    """Hierarchical encoder with router, codebook and decoder."""

    def __init__(self, config: DqVaeConfig) -> None:
        super().__init__()
        self.config = config
        features, dim = config.features, config.dim
        self.encoder = HierarchicalEncoder(config)
        self.quant_conv = nn.Conv2d(features, dim, 1)
        self.quantize = Quantiser(config.codes, dim)
        self.post_quant_conv = nn.Conv2d(dim, features, 1)
        self.decoder: Decoder = (
            PositionalDecoder(config.decoder, features, config.position_side)
            if config.position_side
            else Decoder(config.decoder, features)
        )

    def forward(self, picture: Tensor, noise: Tensor | None = None) -> DqOutput:
        """(B, 3, H, W) in [-1, 1], sides multiples of the encoder's stride; `noise` as the encoder's."""
        routed = self.encoder(picture, noise)
        mask = code_shares(routed.grains, self.config.granularities)
        quantised = self.quantize(self.quant_conv(routed.merged), mask)
        return DqOutput(self._paint(quantised.values), routed, quantised)

    def budget_loss(self, gate: Tensor) -> Tensor:
        """The loss of (B, n, m, granularities) gates with the configuration's targets and weights."""
        return budget_loss(gate, self.config.target_shares, self.config.budget_weights)

    @torch.no_grad()
    def codes(self, picture: Tensor) -> DualCodes:
        """(B, 3, H, W) in [-1, 1] to its indices and granularities."""
        routed = self.encoder(picture)
        return DualCodes(self.quantize.nearest(self.quant_conv(routed.merged)), routed.grains)

    @torch.no_grad()
    def paint(self, codes: DualCodes) -> Tensor:
        """The picture, (B, 3, H, W), about [-1, 1], not clipped."""
        return self._paint(self.quantize.codes(codes.indices))

    def _paint(self, values: Tensor) -> Tensor:
        return self.decoder(self.post_quant_conv(values))
