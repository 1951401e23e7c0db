"""Dual-stream pixel decoder (HybridFlow §3.3): the VQGAN decoder, corrected level by level.

codes ───────────> VQGAN decoder ──+──+──+──> picture (blended with the restoration in `tiny`)
correction map ──> its duplicate ──┴──┴──┘
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .config import ModelConfig
from .tokenizer import Decoder


class CorrectionNetwork(nn.Module):
    """The duplicate decoder, and the 1x1 convolutions through which its features join the first."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        pyramid = config.tokenizer.decoder
        self.network = Decoder(pyramid, config.bridge.channels, head=False)
        widths = (pyramid.widths[-1], *reversed(pyramid.widths))
        self.fusion = nn.ModuleList(nn.Conv2d(width, width, 1) for width in widths)
        for conv in self.fusion:  # starts as a no-op, like the CrossAttention
            nn.init.zeros_(conv.weight)  # type: ignore[arg-type]
            nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
        self.received = nn.Parameter(torch.zeros(config.tokenizer.dim))
        self.blend = config.restoration_blend

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
        features = self.network.features(correction)
        added = [fuse(feature) for fuse, feature in zip(self.fusion, features, strict=True)]
        picture = decoder(codes, added)
        return picture.lerp(restoration.to(picture.dtype), self.blend) if self.blend else picture
