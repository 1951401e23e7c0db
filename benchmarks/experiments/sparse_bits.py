"""What codes and positions cost in bits, under Stackformer and DQ-Transformer and without them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ulbic.models.sparse.dqtransformer import DqTransformer
from ulbic.models.sparse.dqvae import DualCodes
from ulbic.models.sparse.mqvae import Pairs
from ulbic.models.sparse.sequences import joined, packed, to_parts
from ulbic.models.sparse.stackformer import Stackformer


@dataclass(frozen=True, kw_only=True)
class Bits:
    """Means over pictures. A picture's positions, in any order, are a set: that is what they say at least."""

    code: float  # of one code
    position: float  # of one position
    positions: float  # of all positions of a picture
    total: float  # of a picture
    uniform_code: float  # where all codes are equally likely
    uniform_position: float  # where all positions are
    uniform_positions: float
    set_position: float  # where all sets of as many positions are, for each
    set_positions: float
    uniform_total: float  # such codes and such a set


def log2_binomial(total: int, chosen: int) -> float:
    """Bits that say which `chosen` of `total` places are taken, all choices being equally likely."""
    return math.log2(math.comb(total, chosen))


def code_lengths(logits: Tensor, target: Tensor) -> Tensor:
    """Bits of every target (B, n) under logits (B, n, V)."""
    nats = F.cross_entropy(logits.flatten(0, 1).float(), target.flatten(), reduction="none")
    return nats.view_as(target) / math.log(2)


@torch.no_grad()
def stackformer_bits(network: Stackformer, batches: Iterable[Pairs]) -> Bits:
    """Of pairs in raster order, as many in every picture."""
    code_sums, place_sums, count = [], [], 0
    for pairs in batches:
        logits, count = network(pairs), pairs.codes.shape[1]
        code_sums += code_lengths(logits.codes, pairs.codes).sum(dim=1).tolist()
        place_sums += code_lengths(logits.positions, pairs.positions).sum(dim=1).tolist()
    config = network.config
    sets = [log2_binomial(config.positions, count)] * len(code_sums)
    counts = [count] * len(code_sums)
    return _bits(code_sums, place_sums, sets, counts, counts, config.codes, config.positions)


@torch.no_grad()
def dq_bits(network: DqTransformer, batches: Iterable[DualCodes]) -> Bits:
    """Of codes with two granularities. The positions are those of the coarse codes and their end.

    Fine positions follow from the coarse ones, and both starts and the fine end from what stands before.
    """
    tokens = network.tokens
    code_sums, place_sums, sets, counts, coarse_counts = [], [], [], [], []
    for codes in batches:
        sequence = packed(joined(*to_parts(codes, tokens), tokens), tokens)
        logits, target = network(sequence), sequence.span(1, None)
        ordinary = target.content < tokens.codes
        ended = (target.content == tokens.end(0)[0]) & (target.segment == 0)
        coarse = ordinary & (target.segment == 0)
        code_sums += (code_lengths(logits.content, target.content) * ordinary).sum(dim=1).tolist()
        place = code_lengths(logits.position, target.position)
        place_sums += (place * (coarse | ended)).sum(dim=1).tolist()
        counts += ordinary.sum(dim=1).tolist()
        coarse_counts += coarse.sum(dim=1).tolist()
    regions = tokens.count(0)
    sets = [math.log2(regions + 1) + log2_binomial(regions, count) for count in coarse_counts]
    ended_counts = [count + 1 for count in coarse_counts]
    return _bits(code_sums, place_sums, sets, counts, ended_counts, tokens.codes, regions + 1)


def _bits(
    code_sums: list[float],
    place_sums: list[float],
    sets: list[float],
    counts: list[int],
    place_counts: list[int],
    codes: int,
    places: int,
) -> Bits:
    """From one sum, or count, a picture."""
    mean = statistics.fmean
    return Bits(
        code=sum(code_sums) / sum(counts),
        position=sum(place_sums) / sum(place_counts),
        positions=mean(place_sums),
        total=mean(code_sums) + mean(place_sums),
        uniform_code=math.log2(codes),
        uniform_position=math.log2(places),
        uniform_positions=math.log2(places) * mean(place_counts),
        set_position=sum(sets) / sum(place_counts),
        set_positions=mean(sets),
        uniform_total=math.log2(codes) * mean(counts) + mean(sets),
    )
