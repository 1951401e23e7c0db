"""Causal transformer blocks, as Stackformer and DQ-Transformer share them (GPT-2's; minGPT)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import StackConfig

Cache = dict[int, tuple[Tensor, Tensor]]  # keys and values of the elements so far, by block


class CausalAttention(nn.Module):
    """Multi-head attention to an element itself and those before it."""

    def __init__(self, config: StackConfig) -> None:
        super().__init__()
        width = config.width
        self.heads, self.dropout = config.heads, config.dropout
        self.key, self.query, self.value, self.proj = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor, cache: Cache | None, index: int) -> Tensor:
        q, k, v = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        before = 0
        if cache is not None:
            if index in cache:
                before = cache[index][0].shape[2]
                k, v = (torch.cat([old, new], dim=2) for old, new in zip(cache[index], (k, v), strict=True))
            cache[index] = (k, v)
        visible = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool, device=x.device).tril(before)
        drop = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(q, k, v, visible, drop)
        return F.dropout(self.proj(mixed.transpose(1, 2).flatten(2)), drop)


class CausalBlock(nn.Module):
    """Pre-norm attention and MLP."""

    def __init__(self, config: StackConfig) -> None:
        super().__init__()
        width = config.width
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = CausalAttention(config)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width), nn.Dropout(config.dropout)
        )

    def forward(self, x: Tensor, cache: Cache | None, index: int) -> Tensor:
        x = x + self.attn(self.ln1(x), cache, index)
        return x + self.mlp(self.ln2(x))


class CausalStack(nn.Sequential):
    """Blocks one after the other."""

    def __init__(self, config: StackConfig, layers: int) -> None:
        super().__init__(*(CausalBlock(config) for _ in range(layers)))

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
        """(B, n, width) to the same. With a cache, x continues the elements that the cache has seen."""
        for index, block in enumerate(self):
            x = block(x, cache, index)
        return x


def make_head(width: int, outputs: int) -> nn.Sequential:
    """Features to logits."""
    return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, outputs, bias=False))


def initialise(network: nn.Module) -> None:
    """GPT-2's: normal weights of deviation 0.02, zero biases."""
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
