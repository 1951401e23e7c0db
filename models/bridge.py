"""From the continuous stream to the predictor and the correction network (HybridFlow suppl. §2).

"linear"   Test 1: y_hat itself; a linear layer for the predictor, an up-sampling block for pixels
"shared"   Test 2: one encoder of the restoration serves both
"separate" Test 3: two encoders, the paper's best and the default
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from .config import WINDOW, ModelConfig
from .layers import ResidualBlockUp
from .tokenizer import Encoder


class BridgeFeatures(NamedTuple):
    """Feature maps of a whole picture of H/16 x W/16 indices."""

    assist: Tensor  # (B, C, H/16, W/16) or, for "linear", (B, latents, H/32, W/32)
    correction: Tensor  # (B, channels, H/16, W/16)


class Bridge(nn.Module):
    """One of the three bridges."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        bridge, latents = config.bridge, config.continuous.latents
        self.kind = bridge.kind
        if bridge.kind == "linear":
            self.up = ResidualBlockUp(latents, bridge.channels)
        else:
            self.correction = Encoder(bridge.encoder, bridge.channels)
        if bridge.kind == "separate":
            self.assist = Encoder(bridge.encoder, bridge.channels)

    @staticmethod
    def assist_shape(config: ModelConfig) -> tuple[int, int]:
        """(channels, side) of the assisting map of one window."""
        if config.bridge.kind == "linear":
            return config.continuous.latents, WINDOW // 2
        return config.bridge.channels, WINDOW

    def forward(self, y_hat: Tensor, restoration: Tensor) -> BridgeFeatures:
        """y_hat (B, latents, H/32, W/32), restoration (B, 3, H, W) in about [0, 1]."""
        correction = self.correction_map(y_hat, restoration)
        shared = self.kind == "shared"
        return BridgeFeatures(correction if shared else self.assist_map(y_hat, restoration), correction)

    def assist_map(self, y_hat: Tensor, restoration: Tensor) -> Tensor:
        """`BridgeFeatures.assist` alone."""
        if self.kind == "linear":
            return y_hat
        return self.assist(restoration.detach()) if self.kind == "separate" else self.correction(restoration)

    def correction_map(self, y_hat: Tensor, restoration: Tensor) -> Tensor:
        """`BridgeFeatures.correction` alone."""
        return self.up(y_hat) if self.kind == "linear" else self.correction(restoration)
