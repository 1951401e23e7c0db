"""The codebook of both systems: nearest code, moved by exponential averages, unused codes restarted."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

EPSILON = 1e-5  # keeps codes finite that nothing stands for


class Quantised(NamedTuple):
    """Features after the quantiser."""

    features: Tensor  # (B, dim, ...) float32, as they came, without gradient
    values: Tensor  # (B, dim, ...): codes, with the gradient passed straight to the features
    indices: Tensor  # (B, ...) int64
    commitment: Tensor  # mean of mask x squared distance between features and codes; its gradient reaches
    # the features alone


class EmaCodebook(nn.Embedding):
    """`codes` vectors, and one row after them that nothing is ever quantised to (public files hold it)."""

    cluster_size_ema: Tensor
    embed_ema: Tensor

    def __init__(self, codes: int, dim: int) -> None:
        super().__init__(codes + 1, dim)
        nn.init.uniform_(self.weight, -1 / codes, 1 / codes)
        self.weight.requires_grad_(False)
        self.register_buffer("cluster_size_ema", torch.zeros(codes))
        self.register_buffer("embed_ema", torch.zeros(codes, dim))


class Quantiser(nn.Module):
    """Nearest code by Euclidean distance."""

    def __init__(self, codes: int, dim: int) -> None:
        super().__init__()
        self.codebook = EmaCodebook(codes, dim)

    def nearest(self, features: Tensor) -> Tensor:
        """(B, dim, ...) to int64 indices (B, ...)."""
        codes = self.codebook.weight[:-1]
        flat = features.movedim(1, -1)
        distances = codes.square().sum(dim=1) - 2 * flat @ codes.T
        return distances.argmin(dim=-1)

    def codes(self, indices: Tensor) -> Tensor:
        """(B, ...) indices to their vectors, (B, dim, ...)."""
        return self.codebook(indices).movedim(-1, 1)

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Quantised:
        """Quantises (B, dim, ...); `mask`, broadcast to that, weighs the squared distances."""
        with torch.autocast(features.device.type, enabled=False):
            features = features.float()
            with torch.no_grad():
                indices = self.nearest(features)
                codes = self.codes(indices)
            distance = (features - codes).square()
            commitment = (distance if mask is None else distance * mask).mean()
            values = features + (codes - features).detach()
            return Quantised(features.detach(), values, indices, commitment)

    @torch.no_grad()
    def absorb(
        self,
        features: Tensor,
        indices: Tensor,
        decay: float = 0.99,
        restart: Callable[[int], Tensor] | None = None,
        least: float = 1.0,
        total: Callable[[Tensor], Tensor] = torch.Tensor.clone,
    ) -> None:
        """Moves the codes towards the features that they stood for (van den Oord 2017, app. A).

        Args:
            features: (B, dim, ...); `indices` (B, ...) as `nearest` gave them before.
            restart: n to (n, dim) features; these replace the codes whose average count is below `least`.
            total: sums over all processes of a run.
        """
        book = self.codebook
        flat, index = features.movedim(1, -1).flatten(0, -2).float(), indices.flatten()
        counts = total(index.bincount(minlength=len(book.cluster_size_ema)).float())
        sums = total(torch.zeros_like(book.embed_ema).index_add_(0, index, flat))
        book.cluster_size_ema.lerp_(counts, 1 - decay)
        book.embed_ema.lerp_(sums, 1 - decay)
        if restart is not None:
            unused = book.cluster_size_ema < least
            book.embed_ema[unused] = restart(int(unused.sum()))
            book.cluster_size_ema[unused] = 1
        size, count = book.cluster_size_ema, len(book.cluster_size_ema)
        share = (size + EPSILON) / (size.sum() + count * EPSILON)
        book.weight[:-1] = book.embed_ema / (size.sum() * share)[:, None]


def random_picks(rows: int, count: int) -> Tensor:
    """`count` numbers below `rows`, each at most once where there are enough of them."""
    repeats = max(-(-count // rows), 1)
    return torch.cat([torch.randperm(rows) for _ in range(repeats)])[:count]
