"""DQ-VAE's codes as sequences, coarse to fine, and back (DQ-Transformer).

    [start, coarse pairs in raster order, end] [start, fine pairs, end]

A pair is (content, position); a coarse one stands for a region, with the position in the coarse grid. Both
parts end with pads where other rows of the batch are longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .config import DqTransformerConfig, FineOrder
from .dqvae import DualCodes
from .router import enlarge


class Part(NamedTuple):
    """One granularity of a batch, both (B, n) int64: pairs, end, pads."""

    content: Tensor
    position: Tensor


class Sequence(NamedTuple):
    """Whole sequences, all (B, n) int64; segment 0 = coarse, 1 = fine."""

    content: Tensor
    position: Tensor
    segment: Tensor

    def span(self, start: int | None, stop: int | None) -> Sequence:
        """The elements from `start` to before `stop`."""
        content, position, segment = (values[:, start:stop] for values in self)
        return Sequence(content, position, segment)


@dataclass(frozen=True)
class Tokens:
    """Which numbers stand for what. Ordinary contents and positions count from 0."""

    codes: int
    coarse_side: int
    fine_order: FineOrder = "row-first"

    @classmethod
    def of(cls, config: DqTransformerConfig) -> Tokens:
        return cls(config.codes, config.coarse_side, config.fine_order)

    @property
    def fine_side(self) -> int:
        return 2 * self.coarse_side

    def count(self, segment: int) -> int:
        """Ordinary positions of a segment; its pad, end and start follow."""
        return self.fine_side**2 if segment else self.coarse_side**2

    def pad(self, segment: int) -> tuple[int, int]:
        """Content and position of a pad."""
        return self.codes, self.count(segment)

    def end(self, segment: int) -> tuple[int, int]:
        return self.codes + 1, self.count(segment) + 1

    def start(self, segment: int) -> tuple[int, int]:
        return self.codes + 2, self.count(segment) + 2

    def fine_order_of(self, grains: Tensor) -> Tensor:
        """The fine positions of one picture's (n, n) granularities, in the order of the sequence."""
        order = torch.arange(self.fine_side**2).view(self.fine_side, self.fine_side)
        fine = enlarge(grains.cpu(), 2) == 1
        if self.fine_order == "region-first":
            n = self.coarse_side
            order, fine = (t.view(n, 2, n, 2).transpose(1, 2).reshape(n * n, 4) for t in (order, fine))
        return order[fine].to(grains.device)


def to_parts(codes: DualCodes, tokens: Tokens) -> tuple[Part, Part]:
    """Coarse and fine part of codes with two granularities. A region's code is its upper left index."""
    coarse, fine = [], []
    for indices, grains in zip(codes.indices, codes.grains, strict=True):
        places = (grains == 0).flatten().nonzero()[:, 0]
        coarse.append((indices[::2, ::2].flatten()[places], places))
        places = tokens.fine_order_of(grains)
        fine.append((indices.flatten()[places], places))
    return _padded(coarse, tokens, 0), _padded(fine, tokens, 1)


def _padded(rows: list[tuple[Tensor, Tensor]], tokens: Tokens, segment: int) -> Part:
    length = max(len(content) for content, _ in rows) + 1
    fields = []
    for field, (end, pad) in enumerate(zip(tokens.end(segment), tokens.pad(segment), strict=True)):
        ended = [F.pad(row[field], (0, 1), value=end) for row in rows]
        fields.append(torch.stack([F.pad(row, (0, length - len(row)), value=pad) for row in ended]))
    return Part(*fields)


def from_parts(coarse: Part, fine: Part, tokens: Tokens) -> DualCodes:
    """The inverse of `to_parts`. What no pair fills is index 0; regions without a coarse pair are fine."""
    batch, n = len(coarse.content), tokens.coarse_side
    grains = torch.ones(batch, n * n + 1, dtype=torch.int64, device=coarse.content.device)
    grains.scatter_(1, _places(coarse, tokens, 0), 0)
    values = torch.zeros_like(grains).scatter_(1, _places(coarse, tokens, 0), coarse.content)
    repeated = enlarge(values[:, :-1].view(batch, n, n), 2).flatten(1)
    indices = F.pad(repeated, (0, 1)).scatter_(1, _places(fine, tokens, 1), fine.content)
    return DualCodes(indices[:, :-1].view(batch, 2 * n, 2 * n), grains[:, :-1].view(batch, n, n))


def _places(part: Part, tokens: Tokens, segment: int) -> Tensor:
    """Positions, with end and pads in one place after all others."""
    return part.position.clamp(max=tokens.count(segment))


def joined(coarse: Part, fine: Part, tokens: Tokens) -> Sequence:
    """Both parts with their start tokens, as the public code lines them up: coarse pads in the middle."""
    fields = []
    for field in (0, 1):
        starts = (tokens.start(segment)[field] for segment in (0, 1))
        parts = (F.pad(part[field], (1, 0), value=v) for part, v in zip((coarse, fine), starts, strict=True))
        fields.append(torch.cat(list(parts), dim=1))
    content, position = fields
    segment = torch.zeros_like(content)
    segment[:, coarse.content.shape[1] + 1 :] = 1
    return Sequence(content, position, segment)


def packed(sequence: Sequence, tokens: Tokens) -> Sequence:
    """The same with all pads at the end: then causal attention alone keeps every row from seeing its pads."""
    padded = sequence.content == tokens.pad(0)[0]
    order = padded.int().argsort(dim=1, stable=True)[:, : int((~padded).sum(dim=1).max())]
    content, position, segment = (values.gather(1, order) for values in sequence)
    return Sequence(content, position, segment)
