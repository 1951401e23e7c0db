"""In which order the cells of a slice are coded, and what is known before each phase."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Known(NamedTuple):
    """All that encoder and decoder both have before a phase of a slice is coded."""

    features: Tensor  # (B, channels, H, W): what all phases know, as `features` gave it
    current: Tensor  # (B, slice channels, H, W): what the earlier phases decoded, zeros elsewhere
    decoded: Sequence[Tensor]  # the earlier slices
    cells: Sequence[Tensor]  # (H, W) bool each: those of every phase


def quincunx(size: tuple[int, int], phases: int, device: torch.device) -> list[Tensor]:
    """The cells of each phase, (H, W) bool each: every phase codes as many as all before it together.

    The last phase is one colour of a checkerboard, so that all neighbours of its cells are known; the other
    colour is again a checkerboard, turned by 45 degrees, whose one colour is the last phase but one, and so
    on. With two phases these are the anchors (odd row + column) and the others (He 2021).
    """
    rows, columns = torch.arange(size[0], device=device), torch.arange(size[1], device=device)
    u, v = torch.broadcast_tensors(rows[:, None], columns + 1)
    left = torch.ones(size, dtype=torch.bool, device=device)
    cells = []
    for _ in range(phases - 1):
        odd = (u + v) % 2 == 1
        cells.append(left & odd)
        left = left & ~odd
        u, v = (u + v) // 2, (u - v) // 2
    return [left, *reversed(cells)]
