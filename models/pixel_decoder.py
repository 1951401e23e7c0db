"""Dual-stream pixel decoder (HybridFlow §3.3): the VQGAN decoder, corrected level by level.

codes ───────────> VQGAN decoder ──+──+──+──> picture (blended with the restoration in `tiny`)
correction map ──> its duplicate ──┴──┴──┘
restoration ───────────> its two finest levels (in `tiny`), and the light stage that finishes the picture
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import ModelConfig
from .layers import Binomial, PointwiseConv, zero
from .tokenizer import Decoder


class CorrectionNetwork(nn.Module):
    """The duplicate decoder, and the 1x1 convolutions through which its features join the first."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        pyramid = config.tokenizer.decoder
        self.network = Decoder(pyramid, config.bridge.channels, head=False)
        widths = (pyramid.widths[-1], *reversed(pyramid.widths))
        self.fusion = nn.ModuleList(PointwiseConv(width, width) for width in widths)
        fine = (*pyramid.widths[1:], pyramid.widths[-1])[: config.bridge.skips]  # of the levels' inputs
        self.strides = [pyramid.stem * 2**level for level in range(len(fine))]
        self.skips = nn.ModuleList(
            PointwiseConv(3 * stride**2, width) if level else nn.Conv2d(3 * stride**2, width, 3, padding=1)
            for level, (stride, width) in enumerate(zip(self.strides, fine, strict=True))
        )
        for conv in [*self.fusion, *self.skips]:  # all start as no-ops, like the CrossAttention
            zero(conv)
        self.received = nn.Parameter(torch.zeros(config.tokenizer.dim))
        self.blend = config.restoration_blend
        width = config.bridge.finish_channels
        self.finish = Finish(width) if width else None

    def forward(
        self,
        decoder: Decoder,
        codes: Tensor,
        received: Tensor,
        correction: Tensor | None,
        restoration: Tensor | None,
    ) -> Tensor:
        """The picture (B, 3, H, W), about [0, 1], not clipped.

        Args:
            decoder: the tokenizer's own.
            codes: (B, dim, H/16, W/16) of the completed index map.
            received: (B, H/16, W/16) bool, which of them were sent and not predicted.
            correction: (B, channels, H/16, W/16); None decodes the tokens alone.
            restoration: (B, 3, H, W), likewise.
        """
        codes = codes + received[:, None] * self.received[:, None, None]
        if correction is None or restoration is None:
            return decoder(codes)
        skips = [
            conv(F.pixel_unshuffle(restoration, stride))
            for conv, stride in zip(self.skips, self.strides, strict=True)
        ]
        features = self.network.features(correction, skips=skips)
        added = [fuse(feature) for fuse, feature in zip(self.fusion, features, strict=True)]
        picture = decoder(codes, added)
        restoration = restoration.to(picture.dtype)
        picture = picture.lerp(restoration, self.blend) if self.blend else picture
        if self.finish is None:
            return picture
        return picture + self.finish(torch.cat([picture, restoration], dim=1))


class Finish(nn.Sequential):
    """Of picture and restoration (B, 6, H, W), sides even, what is added to the picture (B, 3, H, W) at last.

    The head paints 4x4 pixels from one feature vector, whose neighbours know nothing of it, and that shows
    as a mesh in calm areas. Three convolutions at half of the picture's size see across their borders. They
    add nothing at first.
    """

    def __init__(self, width: int) -> None:
        last = nn.Conv2d(width, 12, 3, padding=1)
        zero(last)
        super().__init__(
            nn.PixelUnshuffle(2),
            nn.Conv2d(24, width, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GELU(),
            last,
            nn.PixelShuffle(2),
            Binomial(),
        )
