"""Stackformer (Huang 2023, "Not All Image Regions Matter"): which code comes next, then where it stands.

    (code, position) so far ──value_transformer──> H ──> logits of the next code
    H + next code ──position_transformer──> logits of the next position

Position first (Stackformer_r, suppl. table 3) exchanges the two stacks; its weights have the same names.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .causal import Cache, CausalStack, initialise, make_head
from .config import StackformerConfig
from .mqvae import Pairs


class StackLosses(NamedTuple):
    """Cross-entropies, nats an element; `total` is what is minimised."""

    code: Tensor
    position: Tensor

    @property
    def total(self) -> Tensor:
        return self.code + self.position


class StackLogits(NamedTuple):
    """Of every element, given those before it: (B, k, codes + 1) and (B, k, positions + 1).

    The last token of either is the start, which never comes.
    """

    codes: Tensor
    positions: Tensor


class Stackformer(nn.Module):
    """Two causal stacks, one on top of the other."""

    def __init__(self, config: StackformerConfig) -> None:
        super().__init__()
        self.config = config
        stack, width = config.stack, config.stack.width
        self.pos_emb = nn.Parameter(torch.zeros(1, stack.block_size, width))
        self.value_pos_emb = nn.Embedding(config.positions + 1, width)
        self.value_emb = nn.Embedding(config.codes + 1, width)
        self.position_transformer = CausalStack(stack, stack.position_layers)
        self.value_transformer = CausalStack(stack, stack.code_layers)
        self.position_head = make_head(width, config.positions + 1)
        self.value_head = make_head(width, config.codes + 1)
        self.dropout = nn.Dropout(stack.dropout)
        initialise(self)

    @property
    def code_first(self) -> bool:
        return self.config.order == "code-first"

    def with_start(self, pairs: Pairs) -> Pairs:
        """(B, k) pairs to (B, k + 1), the start in front."""
        return Pairs(
            F.pad(pairs.codes, (1, 0), value=self.config.codes),
            F.pad(pairs.positions, (1, 0), value=self.config.positions),
        )

    def first(self, pairs: Pairs, place: int = 0, cache: Cache | None = None) -> tuple[Tensor, Tensor]:
        """Features (B, n, width) of elements that begin at `place`, and logits of the first of the next two.

        That is the next code, or with position first the next position.
        """
        length = pairs.codes.shape[1]
        x = self.value_emb(pairs.codes) + self.value_pos_emb(pairs.positions)
        x = self.dropout(x + self.pos_emb[:, place : place + length])
        if self.code_first:
            hidden = self.value_transformer(x, cache)
            return hidden, self.value_head(hidden)
        hidden = self.position_transformer(x, cache)
        return hidden, self.position_head(hidden)

    def second(self, hidden: Tensor, known: Tensor, cache: Cache | None = None) -> Tensor:
        """Logits of the next position, given the next code `known` (B, n); or the other way round."""
        if self.code_first:
            return self.position_head(self.position_transformer(hidden + self.value_emb(known), cache))
        return self.value_head(self.value_transformer(hidden + self.value_pos_emb(known), cache))

    def forward(self, pairs: Pairs) -> StackLogits:
        """Logits of (B, k) pairs in raster order, k at most the block size."""
        started = self.with_start(pairs)
        hidden, first = self.first(Pairs(started.codes[:, :-1], started.positions[:, :-1]))
        second = self.second(hidden, pairs.codes if self.code_first else pairs.positions)
        return StackLogits(first, second) if self.code_first else StackLogits(second, first)

    def losses(self, pairs: Pairs) -> StackLosses:
        """Cross-entropies of (B, k) pairs in raster order."""
        logits = self(pairs)
        return StackLosses(
            F.cross_entropy(logits.codes.flatten(0, 1).float(), pairs.codes.flatten()),
            F.cross_entropy(logits.positions.flatten(0, 1).float(), pairs.positions.flatten()),
        )
