"""Adaptive de-mask of MQ-VAE: a full feature map out of the kept codes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .config import MqVaeConfig
from .masker import mask_map
from .trunk import SpatialAttention, resnet_block


class DemaskBlock(nn.Module):
    """A residual block, and attention in which dropped positions weigh less than kept ones."""

    def __init__(self, config: MqVaeConfig) -> None:
        super().__init__()
        width = config.decoder.widths[-1]
        self.resblock = resnet_block(config.decoder, width, width)
        self.attn = SpatialAttention(width, config.decoder.norm)

    def forward(self, x: Tensor, weight: Tensor) -> Tensor:
        return self.attn(self.resblock(x), weight)


class DemaskStack(nn.Module):
    """The weight of dropped positions grows from block to block: its square root is taken after each.

    So information flows from kept to dropped positions first, and freely at the end.
    """

    def __init__(self, config: MqVaeConfig) -> None:
        super().__init__()
        width = config.decoder.widths[-1]
        self.mask_value = config.mask_value
        self.blocks = nn.ModuleList(DemaskBlock(config) for _ in range(config.demask_blocks))
        self.last_resblock = resnet_block(config.decoder, width, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """x (B, width, h, w), mask (B, h w) with 1 = kept and 0 = dropped."""
        weight = mask + (1 - mask) * self.mask_value
        for block in self.blocks:
            x = block(x, weight)
            weight = weight.sqrt()
        return self.last_resblock(x)


class AdaptiveDemask(nn.Module):
    """Codes at their positions, one learnt token everywhere else, and the stack."""

    def __init__(self, config: MqVaeConfig) -> None:
        super().__init__()
        dim, width = config.dim, config.decoder.widths[-1]
        self.mask_token = nn.Parameter(torch.empty(1, dim, 1).uniform_(-1 / dim, 1 / dim))
        self.post_projection = nn.Conv2d(dim, width, 1)
        self.conv_in = nn.Conv2d(width, width, 3, padding=1)
        self.transformer = DemaskStack(config)

    def forward(self, codes: Tensor, positions: Tensor, height: int, width: int) -> Tensor:
        """codes (B, dim, k) at raster positions (B, k), in any order, to (B, width, height, width)."""
        mask = mask_map(positions, height * width).to(codes.dtype)
        token = self.mask_token.expand(len(codes), -1, height * width)
        full = token.scatter(2, positions[:, None].expand_as(codes), codes)
        x = self.conv_in(self.post_projection(full.unflatten(2, (height, width))))
        return self.transformer(x, mask)
