"""Draws from the priors' logits, and whole sets of pairs from Stackformer.

Seeds: picture i of a call with seed s is drawn with PyTorch's CPU generator seeded with s + i, one uniform
number in float64 a draw, which is looked up in the cumulated probabilities, the likeliest token first. So a
picture does not depend on which others are drawn with it, nor on the device, except for logits that differ by
rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .causal import Cache
from .mqvae import Pairs
from .stackformer import Stackformer


@dataclass(frozen=True, kw_only=True)
class Draw:
    """How one kind of token is drawn."""

    temperature: float = 1.0
    top_k: int | None = None  # only so many of the likeliest tokens; 1 = the likeliest
    top_p: float = 1.0  # only the fewest tokens that together have this probability


GREEDY = Draw(top_k=1)
CODES = Draw(top_k=100, top_p=0.95)  # the public defaults of Stackformer
POSITIONS = Draw(top_k=10, top_p=0.95)


class Drawer:
    """The random numbers of a batch of pictures."""

    def __init__(self, count: int, seed: int) -> None:
        self._generators = [torch.Generator().manual_seed(seed + i) for i in range(count)]

    def __call__(self, logits: Tensor, allowed: Tensor, draw: Draw) -> Tensor:
        """One token a picture, (B,) int64, of logits (B, V); only where `allowed` (B, V) is true."""
        scaled = logits.double().cpu() / draw.temperature
        scaled = scaled.masked_fill(~allowed.cpu(), -torch.inf)
        ranked, tokens = scaled.sort(dim=1, descending=True, stable=True)
        share = ranked[:, : draw.top_k].softmax(dim=1)
        cumulated = share.cumsum(dim=1)
        if draw.top_p < 1:
            share = share * (cumulated - share < draw.top_p)
            cumulated = share.cumsum(dim=1)
        uniform = torch.stack([torch.rand((), dtype=torch.float64, generator=g) for g in self._generators])
        below = cumulated <= uniform[:, None] * cumulated[:, -1:]
        last = (share > 0).sum(dim=1, keepdim=True) - 1
        rank = below.sum(dim=1, keepdim=True).minimum(last)
        return tokens.gather(1, rank)[:, 0].to(logits.device)


@torch.no_grad()
def sample_pairs(
    network: Stackformer,
    count: int,
    length: int,
    seed: int,
    codes: Draw = CODES,
    positions: Draw = POSITIONS,
    raster_order: bool = True,
) -> Pairs:
    """Draws `count` pictures of `length` pairs each; no position comes twice in a picture.

    Args:
        seed: any integer from 0; see above.
        raster_order: only positions behind the last one, as in training; the public code allows any.

    Raises:
        ValueError: more pairs than positions, or than the network's block size.
    """
    config, device = network.config, network.pos_emb.device
    if not 0 < length <= min(config.positions, config.stack.block_size):
        raise ValueError(f"{length} pairs do not fit {config.positions} positions, or the block size")
    drawer, first_cache, second_cache = Drawer(count, seed), Cache(), Cache()
    free = torch.ones(count, config.positions + 1, dtype=torch.bool, device=device)
    free[:, -1] = False  # the start
    any_code = torch.ones(count, config.codes + 1, dtype=torch.bool, device=device)
    any_code[:, -1] = False
    nothing = torch.zeros(count, 0, dtype=torch.int64, device=device)
    drawn = network.with_start(Pairs(nothing, nothing))
    for step in range(length):
        free_now = free.clone()
        if raster_order:  # and with room for what is still to come
            free_now[:, config.positions - (length - step - 1) :] = False
        newest = Pairs(drawn.codes[:, -1:], drawn.positions[:, -1:])
        hidden, logits = network.first(newest, step, first_cache)
        if network.code_first:
            code = drawer(logits[:, -1], any_code, codes)
            logits = network.second(hidden, code[:, None], second_cache)
            place = drawer(logits[:, -1], free_now, positions)
        else:
            place = drawer(logits[:, -1], free_now, positions)
            logits = network.second(hidden, place[:, None], second_cache)
            code = drawer(logits[:, -1], any_code, codes)
        if raster_order:
            free &= torch.arange(config.positions + 1, device=device) > place[:, None]
        else:
            free.scatter_(1, place[:, None], False)
        drawn = Pairs(
            torch.cat([drawn.codes, code[:, None]], dim=1),
            torch.cat([drawn.positions, place[:, None]], dim=1),
        )
    return Pairs(drawn.codes[:, 1:], drawn.positions[:, 1:])
