"""Routers of DQ-VAE: which granularity a region gets, and the loss that holds the shares to a budget."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import DqVaeConfig

GRAIN_NAMES = {2: ("_coarse", "_fine"), 3: ("_coarse", "_median", "_fine")}
LUMA = (0.2989, 0.5870, 0.1140)


class FeatureRouter(nn.Module):
    """Logits of the granularities of every region, from the encoder's own feature maps."""

    def __init__(self, config: DqVaeConfig) -> None:
        super().__init__()
        self.names = GRAIN_NAMES[config.granularities]
        for name in self.names:
            norm = nn.GroupNorm(config.router_groups, config.features, eps=1e-6)
            self.add_module(f"feature_norm{name}", norm)
        width = config.features * config.granularities
        self.gate = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, config.granularities))

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Maps (B, features, n 2^g, m 2^g), coarsest first, to (B, n, m, granularities)."""
        normed = [getattr(self, f"feature_norm{name}")(h) for name, h in zip(self.names, maps, strict=True)]
        pooled = [F.avg_pool2d(h, 2**grain) for grain, h in enumerate(normed)]
        return self.gate(torch.cat(pooled, dim=1).permute(0, 2, 3, 1))


def gumbel_noise(logits: Tensor) -> Tensor:
    """Standard Gumbel noise of the shape of `logits`."""
    return -torch.empty_like(logits).exponential_().log()


def straight_through(logits: Tensor, noise: Tensor, temperature: float = 1.0) -> Tensor:
    """One-hot gate of the largest noisy logit, with the gradient of the softmax (Jang 2017). Last dim."""
    soft = ((logits + noise) / temperature).softmax(dim=-1)
    hard = F.one_hot(soft.argmax(dim=-1), soft.shape[-1]).to(soft.dtype)
    return hard + soft - soft.detach()


def merge(maps: list[Tensor], grains: Tensor) -> Tensor:
    """One map at the finest size; every region from the map of its granularity, repeated where coarser.

    Args:
        maps: (B, C, n 2^g, m 2^g), coarsest first.
        grains: (B, n, m) int64, 0 = coarsest.
    """
    scale = 2 ** (len(maps) - 1)
    at = enlarge(grains, scale)[:, None]
    merged = enlarge(maps[0], scale)
    for grain, h in enumerate(maps[1:], start=1):
        merged = torch.where(at == grain, enlarge(h, scale // 2**grain), merged)
    return merged


def enlarge(x: Tensor, scale: int) -> Tensor:
    """Repeats every element of the last two dimensions scale x scale times."""
    return x.repeat_interleave(scale, dim=-1).repeat_interleave(scale, dim=-2)


def code_shares(grains: Tensor, granularities: int) -> Tensor:
    """Of how many of the finest positions each one is: (B, n, m) grains to (B, 1, finest n, m), 1 = fine.

    A coarse code of two granularities fills four positions: 0.25 in each.
    """
    share = 4.0 ** (grains - (granularities - 1)).float()
    return enlarge(share, 2 ** (granularities - 1))[:, None]


def grain_share(gate: Tensor, grain: int) -> Tensor:
    """The share of the regions with that granularity, over the whole batch, of gates (B, n, m, g).

    As the paper counts: codes that the gates spend beyond one a region, over the most that this
    granularity alone could spend.
    """
    spent = gate.sum(dim=-1) + (4**grain - 1) * gate[..., grain]
    return (spent.mean() - 1) / (4**grain - 1)


def budget_loss(gate: Tensor, targets: tuple[float, ...], weights: tuple[float, ...]) -> Tensor:
    """Sum of weight x (share - target)^2 over the granularities finer than the coarsest.

    Args:
        gate: (B, n, m, granularities), one-hot as `straight_through` gives it.
    """
    terms = [
        weight * (grain_share(gate, grain) - target) ** 2
        for grain, (target, weight) in enumerate(zip(targets, weights, strict=True), start=1)
    ]
    return torch.stack(terms).sum()


def patch_entropy(picture: Tensor, side: int, bins: int = 32, sigma: float = 0.01) -> Tensor:
    """Entropy in nats of the grey values of each `side` x `side` patch: (B, 3, H, W) in [-1, 1] to (B, n, m).

    The histogram is soft: Gaussians of deviation `sigma` on `bins` centres from -1 to 1. At most log(bins).
    """
    grey = (picture * picture.new_tensor(LUMA)[:, None, None]).sum(dim=1)
    patches = grey.unfold(1, side, side).unfold(2, side, side).flatten(3)
    centres = torch.linspace(-1, 1, bins, device=picture.device)
    counts = [torch.exp(-((patches - centre) / sigma).square() / 2).mean(dim=-1) for centre in centres]
    weight = torch.stack(counts, dim=-1)
    weight = weight / weight.sum(dim=-1, keepdim=True).clamp_min(torch.finfo(weight.dtype).tiny)
    return torch.special.entr(weight).sum(dim=-1)


def entropy_threshold(entropies: Tensor, fine_share: float) -> float:
    """The entropy that such a share of the patches exceeds. Compute it on the training pictures."""
    return float(entropies.flatten().double().quantile(1 - fine_share))
