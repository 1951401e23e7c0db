"""The index model: how probable each code is at a place, given the latents and the indices known there.

    latents, gain ──trunk──> features ──+──head of the place──> hidden ──output──> logits
    known indices ──embedding, 3x3──────┘

It works on the grid of the latents, where each cell holds four indices, and decides symbols: `ulbic.codec`
runs trunk and heads in float64, rounds the hidden values, and does the rest in integers.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import HIDDEN_STEPS, PLACES, IndexModelConfig

REACH = 8.0  # hidden values lie within +-REACH
WEIGHT_STEPS = 256  # in 1, of the output layer's weights
LOGIT_STEPS = HIDDEN_STEPS * WEIGHT_STEPS  # in a nat, of the logits


class IndexModel(nn.Module):
    """A few convolutions on the latents' grid; conditional on decoded indices like a checkerboard context."""

    def __init__(self, config: IndexModelConfig, latents: int, codes: int) -> None:
        super().__init__()
        width = config.width
        self.stem = nn.Conv2d(latents + 1, width, 3, padding=1)
        self.trunk = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(config.depth))
        self.embedding = nn.Embedding(codes, config.embedding)
        self.known = nn.Conv2d(len(PLACES) * (config.embedding + 1), width, 3, padding=1)
        self.heads = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 1), nn.GELU(), nn.Conv2d(width, config.hidden, 1))
            for _ in PLACES
        )
        self.output = nn.Linear(config.hidden, codes)
        nn.init.normal_(self.embedding.weight, std=0.5)

    def features(self, latents: Tensor, gain: Tensor) -> Tensor:
        """What the continuous stream says of every cell, (B, width, h, w).

        Args:
            latents: (B, latents, h, w), decoded, without their gain.
            gain: (B, 1, h, w), 0 to 1: the rate point of each cell, which tells how exact they are.
        """
        x = F.gelu(self.stem(torch.cat([latents, gain], dim=1)))
        for conv in self.trunk:
            x = x + F.gelu(conv(x))
        return x

    def hidden(self, features: Tensor, indices: Tensor, known: Tensor, place: int) -> Tensor:
        """What the output layer takes for the indices at `PLACES[place]`, (B, hidden, h, w), within +-REACH.

        Args:
            features: of `features`.
            indices: (B, 2 h, 2 w) int64, values where not `known` are ignored.
            known: (B, 2 h, 2 w) bool, decoded already.
        """
        marks = known[:, None].to(features)
        embedded = self.embedding(indices).permute(0, 3, 1, 2) * marks
        joined = torch.cat([embedded, marks], dim=1)
        x = F.gelu(features + self.known(F.pixel_unshuffle(joined, 2)))
        return REACH * torch.tanh(self.heads[place](x) / REACH)

    def integer_logits(self, hidden: Tensor) -> Tensor:
        """The output layer in integers: (n, hidden) int64, in 1/16, to (n, codes) int64, in 1/4096 nat.

        Weights are rounded to 1/256, the bias to 1/4096. Sums of such products are exact in float64.
        """
        weight = (WEIGHT_STEPS * self.output.weight.double()).round()
        bias = (LOGIT_STEPS * self.output.bias.double()).round()
        return (hidden.double() @ weight.T + bias).long()
