"""What the context models of both presets are told of the slice that is being coded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor


class Known(NamedTuple):
    """All that encoder and decoder both have before a half of a slice is coded."""

    features: Tensor  # (B, channels, H, W): what both halves know, as `features` gave it
    current: Tensor  # (B, slice channels, H, W): the decoded anchors when half 1 is coded, zeros before
    decoded: Sequence[Tensor]  # the earlier slices
    halves: Sequence[Tensor]  # (H, W) bool each: the anchors' cells and the others'
