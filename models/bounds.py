"""Bounds that let the gradient lead back from beyond them (CompressAI's `LowerBound`; Ballé 2018)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _LowerBound(torch.autograd.Function):
    """max(x, bound); a descent step that would raise x passes even where x is below the bound."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bound: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.bound = bound
        return x.clamp_min(bound)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return gradient * ((x >= ctx.bound) | (gradient < 0)), None


def lower_bound(x: Tensor, bound: float) -> Tensor:
    """max(x, bound), any shape. Unlike `clamp_min`, nothing stays below the bound for ever."""
    return _LowerBound.apply(x, bound)


def bounded(x: Tensor, low: float, high: float) -> Tensor:
    """`x.clamp(low, high)`, any shape, with the gradient of `lower_bound` at both ends."""
    return -lower_bound(-lower_bound(x, low), -high)
