"""Whole sequences from DQ-Transformer. Seeds are those of `sampling`."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from .causal import Cache
from .dqtransformer import DqTransformer
from .sampling import Draw, Drawer
from .sequences import Part, Sequence, Tokens

CONTENTS = Draw(top_k=300)  # the public defaults
POSITIONS = Draw(top_k=100)


class _Walk:
    """One picture's way through its sequence: which tokens may come next, and which came."""

    def __init__(self, tokens: Tokens, computed_fine: bool, as_public: bool) -> None:
        self.tokens, self.computed_fine, self.as_public = tokens, computed_fine, as_public
        self.parts: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])  # (content, position)
        self.free = set(range(tokens.count(0)))
        if as_public:
            self.free.discard(tokens.count(0) - 1)
        self.fine: list[int] = []  # positions still to come
        self.segment = 0
        self.starting = False  # the fine start comes next
        self.done = False

    def positions(self) -> Collection[int]:
        """The positions that may come next."""
        segment = self.segment
        end = self.tokens.end(segment)[1]
        if self.done:
            return [self.tokens.pad(segment)[1]]
        if self.starting:
            return [self.tokens.start(segment)[1]]
        if segment == 0:
            return [*self.free, end]
        if self.computed_fine:
            return self.fine[:1] or [end]
        return [*self.fine, end] if self.as_public or not self.fine else self.fine

    def contents(self, position: int) -> Collection[int]:
        """The contents that may stand there."""
        tokens, segment = self.tokens, self.segment
        if position < tokens.count(segment):
            return range(tokens.codes)
        special = {tokens.end(segment)[1]: tokens.end, tokens.start(segment)[1]: tokens.start}
        if self.as_public and position == tokens.end(segment)[1]:
            return [tokens.pad(segment)[0]]
        return [special.get(position, tokens.pad)(segment)[0]]

    def go(self, content: int, position: int) -> None:
        """Notes what came next."""
        if self.done:
            return
        if self.starting:
            self.starting = False
            return
        self.parts[self.segment].append((content, position))
        if position != self.tokens.end(self.segment)[1]:
            (self.free if self.segment == 0 else self.fine).remove(position)
        elif self.segment == 0:
            self.segment, self.starting = 1, True
            self.fine = self._complement()
        else:
            self.done = True

    def _complement(self) -> list[int]:
        """The fine positions of the regions without a coarse code, in the order of the sequence."""
        n = self.tokens.coarse_side
        grains = torch.ones(n * n, dtype=torch.int64)
        grains[[position for _, position in self.parts[0][:-1]]] = 0
        order = "region-first" if self.as_public else self.tokens.fine_order
        return Tokens(self.tokens.codes, n, order).fine_order_of(grains.view(n, n)).tolist()


@torch.no_grad()
def sample_parts(
    network: DqTransformer,
    count: int,
    seed: int,
    contents: Draw = CONTENTS,
    positions: Draw = POSITIONS,
    computed_fine: bool = True,
    as_public: bool = False,
) -> tuple[Part, Part]:
    """Draws `count` pictures: coarse and fine part, with end and pads; no position comes twice.

    Args:
        seed: any integer from 0.
        computed_fine: the fine positions follow from the coarse ones; else they are drawn, from what the
            coarse ones leave free, until all of it is filled.
        as_public: with the mistakes of the public code (docs/sparse.md), of which one supposes that all
            pictures have as many coarse codes.
    """
    tokens, device = network.tokens, network.pos_emb.device
    drawer, walks = Drawer(count, seed), [_Walk(tokens, computed_fine, as_public) for _ in range(count)]
    place_cache, fill_cache = Cache(), Cache()
    newest = _sequence([tokens.start(0)] * count, [0] * count, device)
    past: list[tuple[Tensor, Sequence]] = []  # features and elements so far
    while not all(walk.done for walk in walks):
        hidden, logits = network.place(newest, len(past), place_cache)
        position = drawer(logits[:, -1], _mask(logits, [walk.positions() for walk in walks]), positions)
        segments = [walk.segment for walk in walks]
        if as_public and int(newest.position[0, 0]) == tokens.start(1)[1]:
            _misalign(network, past, fill_cache)
        place = _sequence([(0, int(p)) for p in position], segments, device)
        logits = network.fill(hidden, place.position, place.segment, fill_cache)
        allowed = [walk.contents(int(p)) for walk, p in zip(walks, position, strict=True)]
        content = drawer(logits[:, -1], _mask(logits, allowed), contents)
        past.append((hidden, newest))
        drawn = list(zip(content.tolist(), position.tolist(), strict=True))
        for walk, token in zip(walks, drawn, strict=True):
            walk.go(*token)
        newest = _sequence(drawn, segments, device)
    return _part(walks, tokens, 0, device), _part(walks, tokens, 1, device)


def _misalign(network: DqTransformer, past: list[tuple[Tensor, Sequence]], cache: Cache) -> None:
    """Gives every coarse element its own position instead of the next one, as the public code does there."""
    cache.clear()
    hidden = torch.cat([features for features, _ in past], dim=1)
    position, segment = (
        torch.cat([getattr(element, name) for _, element in past], dim=1) for name in ("position", "segment")
    )
    network.fill(hidden, position, segment, cache)


def _sequence(tokens: list[tuple[int, int]], segments: list[int], device: torch.device) -> Sequence:
    """One element of each picture, (B, 1)."""
    content, position = torch.tensor(tokens, device=device).T
    return Sequence(content[:, None], position[:, None], torch.tensor(segments, device=device)[:, None])


def _mask(logits: Tensor, allowed: list[Collection[int]]) -> Tensor:
    """(B, V) bool out of lists of tokens."""
    mask = torch.zeros(len(allowed), logits.shape[-1], dtype=torch.bool)
    for row, tokens in zip(mask, allowed, strict=True):
        row[list(tokens)] = True
    return mask


def _part(walks: list[_Walk], tokens: Tokens, segment: int, device: torch.device) -> Part:
    """One granularity of all walks, pads after each end."""
    length = max(len(walk.parts[segment]) for walk in walks)
    pad = tokens.pad(segment)
    rows = [walk.parts[segment] + [pad] * (length - len(walk.parts[segment])) for walk in walks]
    content, position = torch.tensor(rows, device=device).unbind(dim=2)
    return Part(content, position)
