"""What the context models of both presets are told of the slice that is being coded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor


class Known(NamedTuple):
    """All that encoder and decoder both have before a phase of a slice is coded."""

    features: Tensor  # (B, channels, H, W): what all phases know, as `features` gave it
    current: Tensor  # (B, slice channels, H, W): what the earlier phases decoded, zeros elsewhere
    decoded: Sequence[Tensor]  # the earlier slices
    cells: Sequence[Tensor]  # (H, W) bool each: those of every phase
