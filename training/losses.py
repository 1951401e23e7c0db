"""Rate and perceptual terms."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ulbic.models.distortion import luma
from ulbic.paths import use_perceptual_weights


def bits(likelihood: Tensor) -> Tensor:
    """Total bits a picture, (B,), of a tensor of likelihoods (B, ...)."""
    return -torch.log2(likelihood.float()).flatten(1).sum(dim=1)


LPIPS_CROP = 192  # pixels per side: LPIPS is a mean over positions, and a part of them is enough a step


def grain(x: Tensor, target: Tensor, period: int = 16) -> Tensor:
    """Power that `x` has and `target` has not at the frequencies of a grid of `period` pixels, in dB, (B,).

    Strided layers leave patterns locked to their grid, which LPIPS does not mind and eyes do. Around each
    multiple of the grid's frequency in the periodogram, 3x3 bins are held against the ring around them.
    The mean excess over one decibel is returned. Sides: equal multiples of 16 x period.
    """
    excess = _grid_peaks(x, period) - _grid_peaks(target, period)
    return F.relu(excess - 1).mean(dim=1)


def _grid_peaks(x: Tensor, period: int) -> Tensor:
    """Peak minus surroundings, in dB, at every multiple of the grid frequency but 0, (B, period^2 - 1)."""
    side = x.shape[-1]
    hann = torch.hann_window(side, periodic=False, device=x.device)
    y = luma(x)[:, 0]
    y = (y - y.mean(dim=(1, 2), keepdim=True)) / (y.std(dim=(1, 2), keepdim=True) + 0.02)
    power = torch.fft.fft2(y * hann[:, None] * hann).abs().square()
    cell = side // period
    cells = (
        power.roll((cell // 2, cell // 2), (1, 2)).unflatten(2, (period, cell)).unflatten(1, (period, cell))
    )
    cells = cells.transpose(2, 3).flatten(1, 2)[:, 1:]  # (B, period^2 - 1, cell, cell), centred
    middle = cell // 2
    peak = cells[..., middle - 1 : middle + 2, middle - 1 : middle + 2].mean(dim=(2, 3))
    ring = torch.ones(cell, cell, dtype=torch.bool, device=x.device)
    ring[middle - 2 : middle + 3, middle - 2 : middle + 3] = False
    floor = 1.0  # about that of 8-bit rounding
    return 10 * ((peak + floor).log10() - (cells[..., ring] + floor).log10().mean(dim=2))


MESH_PERIODS = (2, 4, 8)  # pixels
MESH_BLOCK, MESH_STEP = 32, 16
CALM = (4.5, 9.0)  # levels squared: mean squares that are wholly calm, and not calm at all
FEW_BLOCKS = 4  # so many calm blocks count half: the spectrum of few is mostly chance


def calm_mesh(x: Tensor, target: Tensor) -> Tensor:
    """Power that `x` has and `target` has not at periods of 2, 4 and 8 pixels in calm parts, in dB, (B,).

    Trains against what "mesh in calm areas" of the benchmarks reports, crop by crop. Detail is luma minus
    its Gaussian mean (sigma 4). A block of 32x32 counts as far as its least calm pixel is calm, by the mean
    square of the target's detail (sigma 8) and CALM. In the mean Hann periodogram of these blocks each bin
    along rows, columns and diagonals is held against the ring two to three bins away. The mean excess over
    one decibel is returned, and 0 for a crop without a calm block. Pictures: (B, 3, H, W) in [0, 1], sides
    of at least 64.
    """
    with torch.autocast(x.device.type, enabled=False):  # small details of large values
        details = [plane - _gaussian(plane, 4) for plane in (255 * luma(p.float()) for p in (x, target))]
        with torch.no_grad():
            calm = ((CALM[1] - _gaussian(details[1].square(), 8)) / (CALM[1] - CALM[0])).clamp(0, 1)
            weights = -F.max_pool2d(-calm, MESH_BLOCK, MESH_STEP).flatten(1)  # (B, blocks)
        peaks, peaks_before = (_mesh_peaks(detail, weights) for detail in details)
        certainty = weights.sum(dim=1) / (weights.sum(dim=1) + FEW_BLOCKS)
        return certainty * F.relu(peaks - peaks_before - 1).mean(dim=1)


def _mesh_peaks(detail: Tensor, weights: Tensor) -> Tensor:
    """Peak minus ring, in dB, of the weighted mean periodogram of the blocks, (B, 12)."""
    hann = torch.hann_window(MESH_BLOCK, periodic=False, device=detail.device)
    taper = hann[:, None] * hann
    blocks = F.unfold(detail, MESH_BLOCK, stride=MESH_STEP).mT.unflatten(2, (MESH_BLOCK, MESH_BLOCK))
    power = torch.fft.fft2(blocks * taper).abs().square()
    mean = (weights[..., None, None] * power).sum(dim=1) / (weights.sum(dim=1)[:, None, None] + 1e-6)
    decibel = 10 * (mean + taper.square().sum() / 12).log10()  # the floor is that of 8-bit rounding
    bins = [MESH_BLOCK // period for period in MESH_PERIODS]
    peaks = [peak for b in bins for peak in ((0, b), (b, 0), (b, b), (b, -b))]
    around = [decibel.roll((3 - row, 3 - column), (1, 2))[:, :7, :7] for row, column in peaks]
    ring = torch.ones(7, 7, dtype=torch.bool, device=detail.device)
    ring[2:5, 2:5] = False
    return torch.stack([cell[:, 3, 3] - cell[:, ring].mean(dim=1) for cell in around], dim=1)


def _gaussian(x: Tensor, sigma: int) -> Tensor:
    """Gaussian mean of (B, 1, H, W) as far as four sigma, the picture mirrored at its borders."""
    reach = torch.arange(-4 * sigma, 4 * sigma + 1, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-0.5 * (reach / sigma) ** 2)
    kernel = (kernel / kernel.sum())[None, None, None]
    x = F.conv2d(F.pad(x, (4 * sigma, 4 * sigma, 0, 0), "reflect"), kernel)
    return F.conv2d(F.pad(x, (0, 0, 4 * sigma, 4 * sigma), "reflect"), kernel.mT)


class PerceptualLoss(nn.Module):
    """LPIPS (Zhang 2018) on a randomly shifted and rescaled part, so that no fixed grid can please it."""

    def __init__(self, net: str = "squeeze") -> None:
        super().__init__()
        use_perceptual_weights()
        import lpips

        self.metric = lpips.LPIPS(net=net, verbose=False).requires_grad_(False).eval()
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        """(B,) distances of two (B, 3, H, W) in [0, 1]."""
        pair = torch.cat([x, target])
        top, left = (int(torch.randint(0, side - LPIPS_CROP + 1, ())) for side in x.shape[2:])
        pair = pair[:, :, top : top + LPIPS_CROP, left : left + LPIPS_CROP]
        if torch.rand(()) < 0.5:
            scale = float(torch.empty(()).uniform_(0.55, 1.2))
            pair = F.interpolate(pair, scale_factor=scale, mode="bilinear", antialias=scale < 1)
        a, b = (2 * pair - 1).chunk(2)
        return self.metric(a, b).flatten()
