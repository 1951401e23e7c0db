"""The transforms of the continuous stream: picture to latents to hyper-latents, and back.

Source: MLIC++ (Jiang 2023) for `base`; `tiny` is narrower, begins with a space-to-depth stem and paints the
restoration in the picture's own size.
"""

from __future__ import annotations

import math

from torch import nn

from .config import ContinuousConfig
from .layers import Binomial, ResidualBlock, ResidualBlockDown, ResidualBlockUp, subpixel


class Analysis(nn.Sequential):
    """g_a: (B, 3, H, W) in [0, 1] to (B, latents, H/16, W/16)."""

    def __init__(self, config: ContinuousConfig) -> None:
        width = config.analysis_channels
        strides = 4 - int(math.log2(config.stem))
        layers: list[nn.Module] = []
        inputs = 3 * config.stem**2
        if config.stem > 1:
            layers += [nn.PixelUnshuffle(config.stem), nn.Conv2d(inputs, width, 3, padding=1)]
            layers += [ResidualBlock(width, width)]
            inputs = width
        for _ in range(strides - 1):
            layers += [ResidualBlockDown(inputs, width), ResidualBlock(width, width)]
            inputs = width
        layers += [nn.Conv2d(width, config.latents, 3, stride=2, padding=1)]
        super().__init__(*layers)


class Synthesis(nn.Sequential):
    """g_s: (B, latents, H, W) to (B, 3, 16 H, 16 W), about [0, 1], not clipped; of full size 32 H, 32 W."""

    def __init__(self, config: ContinuousConfig) -> None:
        layers: list[nn.Module] = [ResidualBlock(config.latents, config.latents)]
        inputs = config.latents
        for width in config.synthesis_channels:
            layers += [ResidualBlockUp(inputs, width), ResidualBlock(width, width)]
            inputs = width
        for width in config.head_channels:
            layers += [subpixel(inputs, width, 2), ResidualBlock(width, width)]
            inputs = width
        layers += [subpixel(inputs, 3, config.head)] + ([Binomial()] if config.smooth else [])
        super().__init__(*layers)


class HyperAnalysis(nn.Sequential):
    """h_a: y to z, four times smaller per side."""

    def __init__(self, config: ContinuousConfig) -> None:
        width = config.hyper_channels
        layers: list[nn.Module] = [nn.Conv2d(config.latents, width, 3, padding=1)]
        for stride in (1, 2, 1, 2):
            layers += [nn.GELU(), nn.Conv2d(width, width, 3, stride=stride, padding=1)]
        super().__init__(*layers)


class HyperSynthesis(nn.Sequential):
    """h_s: z_hat to 2 x latents features, four times larger per side."""

    def __init__(self, config: ContinuousConfig) -> None:
        first, second = config.hyper_synthesis
        super().__init__(
            nn.Conv2d(config.hyper_channels, first, 3, padding=1),
            nn.GELU(),
            subpixel(first, first, 2),
            nn.GELU(),
            nn.Conv2d(first, second, 3, padding=1),
            nn.GELU(),
            subpixel(second, second, 2),
            nn.GELU(),
            nn.Conv2d(second, 2 * config.latents, 3, padding=1),
        )
