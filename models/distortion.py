"""How far one picture is from another, as the continuous stream and its encoder count it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

MS_SSIM_WEIGHTS = [0.2990, 0.3142, 0.2474, 0.1394]  # scales 2 to 5 of the original, adding up to 1
STRUCTURE_SIDE = 194  # pixels, the least that `structure` can take


def fidelity(x: Tensor, target: Tensor) -> Tensor:
    """L1 on RGB plus L1 on the two colour differences, (B,); colour alone would be learnt last."""
    error = x - target
    chroma = error[:, (0, 2)] - error[:, 1:2]
    return error.abs().flatten(1).mean(dim=1) + 0.5 * chroma.abs().flatten(1).mean(dim=1)


def squared_error(x: Tensor, target: Tensor) -> Tensor:
    """Mean square error on RGB plus a tenth of that on the two colour differences, (B,)."""
    error = x - target
    chroma = error[:, (0, 2)] - error[:, 1:2]
    return error.square().flatten(1).mean(dim=1) + 0.1 * chroma.square().flatten(1).mean(dim=1)


def luma(x: Tensor) -> Tensor:
    """(B, 1, H, W) of (B, 3, H, W), ITU-R BT.601."""
    return (x * x.new_tensor((0.299, 0.587, 0.114))[:, None, None]).sum(dim=1, keepdim=True)


def structure(x: Tensor, target: Tensor) -> Tensor:
    """1 - MS-SSIM (Wang 2003) of the luma, (B,), without the finest of its five scales.

    That one carries 4 % of the weight and three quarters of the cost. Sides of at least STRUCTURE_SIDE.
    """
    from pytorch_msssim import ms_ssim

    with torch.autocast(x.device.type, enabled=False):  # its variances cancel in half precision
        halves = (F.avg_pool2d(luma(picture).clamp(0, 1), 2) for picture in (x, target))
        return 1 - ms_ssim(*halves, data_range=1.0, size_average=False, win_size=7, weights=MS_SSIM_WEIGHTS)
