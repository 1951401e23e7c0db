"""MAGE-C's contrastive head: an MLP on the mean of the encoder's output (MAGE section 3; SimCLR, Chen 2020).

Only training needs it. The paper names an MLP; two layers and their widths are SimCLR's.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class ContrastConfig:
    """The head. With the width of MAGE ViT-B it has 0.69 M parameters."""

    width: int = 768  # of the encoder, and of the hidden layer
    outputs: int = 128


class ContrastHead(nn.Module):
    """(B, n, width), the encoder's output with [C] first, to unit vectors (B, outputs)."""

    def __init__(self, config: ContrastConfig) -> None:
        super().__init__()
        self.fc1 = nn.Linear(config.width, config.width)
        self.fc2 = nn.Linear(config.width, config.outputs)

    def forward(self, encoded: Tensor) -> Tensor:
        return F.normalize(self.fc2(F.relu(self.fc1(pooled(encoded)))), dim=1)


def pooled(encoded: Tensor) -> Tensor:
    """The features for all but generation, (B, width): the mean without [C] (MAGE suppl. section 3)."""
    return encoded[:, 1:].mean(dim=1)
