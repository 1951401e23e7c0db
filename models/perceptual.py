"""Perceptual distances on networks that others trained: losses in training, metrics in the benchmarks.

Neither of these two rooms may import the other, but both may import `models`: so a distance is the same
module where it is minimised and where it is reported. The codec never imports this file.
"""

from __future__ import annotations

import io
import math
import warnings
from contextlib import redirect_stdout, suppress
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ulbic.errors import InputError
from ulbic.paths import use_perceptual_weights

from .bounds import lower_bound

LEVELS = 5  # of the pyramid, above the features themselves
LOG2_SIGMA = (
    5.0  # 32 pixels; at half of that the layers on the coarsest grid would be compared point by point
)
MIN_VARIANCE = 1e-8  # so that a flat part's deviation has a finite gradient


def lpips_network(net: str) -> Any:
    """LPIPS 0.1 (Zhang 2018) with the named backbone, frozen: "alex", "squeeze" or "vgg".

    Raises:
        OSError: its weights are not at hand and cannot be downloaded.
    """
    import lpips

    if net == "squeeze":
        with suppress(InputError):  # without that folder torchvision downloads them, as for the other two
            use_perceptual_weights()
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):  # torch.hub announces downloads
        warnings.simplefilter("ignore")
        return lpips.LPIPS(net=net, verbose=False).requires_grad_(False).eval()


def feature_distortion(a: Tensor, b: Tensor, log2_sigma: Tensor) -> Tensor:
    """Wasserstein distortion of two feature maps, (B,): a sum over features, a mean over positions.

    Features around a position are taken as Gaussian. The squared 2-Wasserstein distance of two such is
    (mu - mu')^2 + (sigma - sigma')^2, with mu and sigma pooled over a radius of 2^log2_sigma positions; at 0
    it is the squared error of the features themselves.

    Args:
        a, b: (B, C, H, W) each.
        log2_sigma: (B or 1, 1, H, W), 0 to LEVELS; between two levels of the pyramid both are mixed.
    """
    moments = torch.cat([a, b, a.square(), b.square()], dim=1)
    total = a.new_zeros(a.shape[0])
    for level in range(min(math.ceil(float(log2_sigma.max())), LEVELS) + 1):
        weight = F.relu(1 - (log2_sigma - level).abs())
        if weight.any():
            pooled = moments if level == 0 else _lowpass(moments, 1)
            distance = (weight * _squared_distance(pooled, level)).flatten(1)
            total = total + distance.mean(dim=1)
        if level:
            moments, log2_sigma = _lowpass(moments, 2), _lowpass(log2_sigma, 2)
    return total


def _squared_distance(moments: Tensor, level: int) -> Tensor:
    """(B, 1, h, w) of the first and second moments of both maps, (B, 4 C, h, w), summed over features."""
    a, b, *squares = moments.chunk(4, dim=1)
    distance = (a - b).square()
    if level:  # features themselves have no deviation
        variances = (square - mean.square() for mean, square in zip((a, b), squares, strict=True))
        deviation_a, deviation_b = (lower_bound(v, MIN_VARIANCE).sqrt() for v in variances)
        distance = distance + (deviation_a - deviation_b).square()
    return distance.sum(dim=1, keepdim=True)


def _lowpass(x: Tensor, stride: int) -> Tensor:
    """[1 2 1] / 4 along rows and columns, borders repeated; every `stride`-th row and column of that."""
    kernel = x.new_tensor((0.25, 0.5, 0.25))
    filters = (kernel[:, None] * kernel).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(F.pad(x, (1, 1, 1, 1), "replicate"), filters, stride=stride, groups=x.shape[1])


class WassersteinDistortion(nn.Module):
    """Wasserstein distortion of pictures, on the SqueezeNet 1.1 features that LPIPS(squeeze) compares.

    LPIPS compares features point by point; this compares their means and deviations around each point, so a
    texture may be another sample of the same texture, while a blurred one is far from it. With a radius of 1
    pixel it is LPIPS(squeeze) itself.

    Qiu, Wagner, Ballé, Theis, "Wasserstein Distortion: Unifying Fidelity and Realism", 2024: the measure, a
    radius sigma for each position, Gaussian marginals. Ballé, Versari, Dupont, Kim, Bauer, "Good, Cheap, and
    Fast: Overfitted Image Compression with Wasserstein Distortion", 2025, figure "Computation of Wasserstein
    Distortion": raw moments from a pyramid, a level for each doubling of sigma, linear interpolation between
    levels. The authors' public code: the filter [1 2 1] / 4, and sigma divided by a layer's stride (1 at
    least). Not theirs: they take VGG-16 at three scales of the picture, with features as they are.
    SqueezeNet's layers differ a thousandfold in power, so features are normalised and weighted as LPIPS does
    it. And they pad with zeros, where here borders are repeated.

    Args:
        network: LPIPS(squeeze) as `lpips_network` returns it, to share one; loaded if None.
    """

    def __init__(self, network: Any = None) -> None:
        super().__init__()
        self.network = lpips_network("squeeze") if network is None else network

    def forward(self, x: Tensor, target: Tensor, log2_sigma: float | Tensor = LOG2_SIGMA) -> Tensor:
        """(B,) distances, 0 for equal pictures.

        Args:
            x, target: (B, 3, H, W) in [0, 1], sides of at least 32 pixels.
            log2_sigma: binary logarithm of the pooling radius in pixels, 0 to LEVELS: one for all positions,
                or a map (B or 1, 1, H, W).
        """
        pixels = x.shape[2] * x.shape[3]
        everywhere = x.new_ones(1, 1, *x.shape[2:], dtype=torch.float32)
        total = x.new_zeros(x.shape[0], dtype=torch.float32)
        for a, b in zip(self._features(x), self._features(target), strict=True):
            stride = math.sqrt(pixels / (a.shape[2] * a.shape[3]))
            sigma = F.interpolate(everywhere * log2_sigma, a.shape[2:], mode="bilinear", antialias=True)
            with torch.autocast(x.device.type, enabled=False):  # variances cancel in half precision
                total = total + feature_distortion(a.float(), b.float(), F.relu(sigma - math.log2(stride)))
        return total

    def _features(self, x: Tensor) -> list[Tensor]:
        """Of seven layers, (B, C, h, w) each: unit length at every position, times LPIPS's weights."""
        layers = self.network.net(self.network.scaling_layer(2 * x - 1))
        weights = [
            lin.model[-1].weight for lin in self.network.lins
        ]  # of squared differences, never negative
        return [F.normalize(f, dim=1) * w.sqrt() for f, w in zip(layers, weights, strict=True)]
