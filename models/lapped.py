"""A classical lapped transform, which the learned analysis and synthesis start from and correct."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BLOCK = 16  # side, in pixels of the down-sampled picture, that one latent covers
LAP = BLOCK // 2  # pixels on either side of a border between blocks that are filtered together


class LappedTransform(nn.Module):
    """Principal components of 16x16 blocks, behind a filter across the borders of the blocks.

    Both g_a and g_s are corrections of it, zero at first, so that training begins where classical transform
    coding stands: a network that starts from noise needs hours of a CPU to get there. `training.initialise`
    fits it to the training pictures. Source: time-domain lapped transform (Tran, Liang, Tu 2003).
    """

    basis: Tensor  # (latents, 768), orthonormal rows
    mean: Tensor  # (3,)
    fold: Tensor  # (8, 8), of the odd part of the samples around a border, from the border outwards
    unfold: Tensor  # its inverse

    def __init__(self, latents: int) -> None:
        super().__init__()
        self.register_buffer("basis", torch.eye(latents, 3 * BLOCK**2))
        self.register_buffer("mean", torch.full((3,), 0.5))
        self.register_buffer("fold", torch.eye(LAP))
        self.register_buffer("unfold", torch.eye(LAP))

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, 16 h, 16 w) in [0, 1] to (B, latents, h, w)."""
        with torch.autocast(x.device.type, enabled=False):  # large components need all their digits
            return F.conv2d(
                self.prefilter(x.float() - self.mean[:, None, None]), self._kernel(), stride=BLOCK
            )

    def inverse(self, y: Tensor) -> Tensor:
        """(B, latents, h, w) to (B, 3, 16 h, 16 w)."""
        with torch.autocast(y.device.type, enabled=False):
            x = F.conv_transpose2d(y.float(), self._kernel(), stride=BLOCK)
            return across_borders(x, self.unfold) + self.mean[:, None, None]

    def prefilter(self, x: Tensor) -> Tensor:
        """Takes out of (B, 3, 16 h, 16 w) what blocks share with their neighbours."""
        return across_borders(x, self.fold)

    def _kernel(self) -> Tensor:
        return self.basis.view(-1, 3, BLOCK, BLOCK)


def across_borders(x: Tensor, filter: Tensor) -> Tensor:
    """Applies `filter` (8, 8) across every border between blocks, in both directions of (..., H, W).

    It sees the odd part of the 8 samples on either side; the even part stays.
    """
    return _along_lines(_along_lines(x, filter).mT, filter).mT


def _along_lines(x: Tensor, filter: Tensor) -> Tensor:
    borders = x.shape[-1] // BLOCK - 1
    sides = x[..., LAP:-LAP].unflatten(-1, (borders, 2, LAP))
    before, after = sides[..., 0, :].flip(-1), sides[..., 1, :]
    even, odd = before + after, (before - after) @ filter.T
    sides = torch.stack([((even + odd) / 2).flip(-1), (even - odd) / 2], dim=-2)
    return torch.cat([x[..., :LAP], sides.flatten(-3), x[..., -LAP:]], dim=-1)
