"""DQ-Transformer (Huang 2023, "Towards Accurate Image Coding"): where the next code stands, then which it is.

(content, position) so far ──position_transformer──> H ──> logits of the next position
H + next position ──content_transformer──> logits of the next content
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .causal import Cache, CausalStack, initialise, make_head
from .config import DqTransformerConfig
from .sequences import Sequence, Tokens


class DqLosses(NamedTuple):
    """Cross-entropies, nats an element; `total` is what is minimised."""

    content: Tensor
    coarse_position: Tensor
    fine_position: Tensor

    @property
    def position(self) -> Tensor:
        return (self.coarse_position + self.fine_position) / 2

    @property
    def total(self) -> Tensor:
        return self.content + self.position


class DqLogits(NamedTuple):
    """Of every element but the first, given those before it: (B, n - 1, codes + 3) and (B, n - 1, fine + 3).

    Positions of coarse elements are numbers of the coarse grid, and use the first logits.
    """

    content: Tensor
    position: Tensor


class DqTransformer(nn.Module):
    """Two causal stacks, one on top of the other, and a position table for each granularity."""

    def __init__(self, config: DqTransformerConfig) -> None:
        super().__init__()
        self.config, self.tokens = config, Tokens.of(config)
        stack, width = config.stack, config.stack.width
        coarse, fine = (self.tokens.count(segment) + 3 for segment in (0, 1))
        self.pos_emb = nn.Parameter(torch.zeros(1, stack.block_size, width))
        self.content_coarse_pos_emb = nn.Embedding(coarse, width)
        self.content_fine_pos_emb = nn.Embedding(fine, width)
        self.content_emb = nn.Embedding(config.codes + 3, width)
        self.seg_emb = nn.Embedding(2, width)
        self.position_transformer = CausalStack(stack, stack.position_layers)
        self.content_transformer = CausalStack(stack, stack.code_layers)
        self.position_head = make_head(width, fine)
        self.content_head = make_head(width, config.codes + 3)
        self.dropout = nn.Dropout(stack.dropout)
        initialise(self)

    def embed_position(self, position: Tensor, segment: Tensor) -> Tensor:
        """(B, n) each to (B, n, width), from the table of the segment."""
        tables = torch.cat([self.content_coarse_pos_emb.weight, self.content_fine_pos_emb.weight])
        return F.embedding(position + segment * self.content_coarse_pos_emb.num_embeddings, tables)

    def place(self, sequence: Sequence, place: int = 0, cache: Cache | None = None) -> tuple[Tensor, Tensor]:
        """Features (B, n, width) of elements that begin at `place`, and logits of the next positions."""
        length = sequence.content.shape[1]
        x = self.content_emb(sequence.content) + self.embed_position(sequence.position, sequence.segment)
        x = x + self.pos_emb[:, place : place + length] + self.seg_emb(sequence.segment)
        hidden = self.position_transformer(self.dropout(x), cache)
        return hidden, self.position_head(hidden)

    def fill(self, hidden: Tensor, position: Tensor, segment: Tensor, cache: Cache | None = None) -> Tensor:
        """Logits of the next contents, given the next positions and segments (B, n)."""
        x = hidden + self.embed_position(position, segment)
        return self.content_head(self.content_transformer(x, cache))

    def forward(self, sequence: Sequence) -> DqLogits:
        """Logits of (B, n) sequences, starts included; n - 1 is at most the block size."""
        hidden, position = self.place(sequence.span(None, -1))
        following = sequence.span(1, None)
        return DqLogits(self.fill(hidden, following.position, following.segment), position)

    def losses(self, sequence: Sequence) -> DqLosses:
        """Cross-entropies of (B, n) sequences; pads are not counted."""
        logits, target = self(sequence), sequence.span(1, None)
        real = target.content != self.tokens.pad(0)[0]
        coarse, fine = (real & (target.segment == segment) for segment in (0, 1))
        return DqLosses(
            F.cross_entropy(logits.content[real].float(), target.content[real]),
            F.cross_entropy(logits.position[coarse].float(), target.position[coarse]),
            F.cross_entropy(logits.position[fine].float(), target.position[fine]),
        )
