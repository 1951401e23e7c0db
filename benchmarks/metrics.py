"""Picture metrics, one convention each, on 8-bit RGB pictures of the same size."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from PIL import Image

from ulbic.errors import InputError, UlbicError

PERIODS = (2, 3, 4, 8, 16)  # pixels; grids that networks like to leave
SPECTRUM_WINDOW, SPECTRUM_STRIDE = 256, 128


@dataclass(frozen=True)
class Metric:
    """One of the distortion measures, as tables and figures name it."""

    key: str  # column of a CSV file
    label: str
    unit: str  # empty for a pure number
    measure: Callable[[Image.Image, Image.Image], float]
    lower_is_better: bool = False
    min_side: int = 1  # pixels; smaller pictures have no value
    has_bd_rate: bool = True

    @property
    def axis(self) -> str:
        """The label with its unit, for an axis or the head of a column."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label


def metric_table(lpips_net: str = "squeeze") -> tuple[Metric, ...]:
    """All metrics, in the order of the tables; LPIPS never stands alone."""
    return (
        Metric("psnr", "PSNR", "dB", psnr),
        Metric("ms_ssim", "MS-SSIM", "", ms_ssim, min_side=161),
        Metric(
            f"lpips_{lpips_net}",
            f"LPIPS({lpips_net})",
            "",
            partial(lpips, net=lpips_net),
            lower_is_better=True,
            min_side=32,
        ),
        Metric("haarpsi", "HaarPSI", "", haarpsi, min_side=16),
        Metric(
            "spectral_peak",
            "spectral peak",
            "dB",
            spectral_peak,
            lower_is_better=True,
            min_side=SPECTRUM_WINDOW,
            has_bd_rate=False,  # a fault to be absent, not a quality that grows with the rate
        ),
    )


def usable(metrics: Sequence[Metric]) -> tuple[tuple[Metric, ...], list[str]]:
    """Those metrics whose packages and weights are at hand, and a line for each of the others."""
    picture = Image.new("RGB", (SPECTRUM_WINDOW, SPECTRUM_WINDOW), "grey")
    found, lines = [], []
    for metric in metrics:
        try:
            metric.measure(picture, picture)
        except (ImportError, OSError, UlbicError) as error:
            lines.append(f"{metric.label} is left out: {' '.join(str(error).split())}")
        else:
            found.append(metric)
    return tuple(found), lines


def measure(
    original: Image.Image, decoded: Image.Image, metrics: Sequence[Metric]
) -> dict[str, float | None]:
    """Every metric by its key; None where the picture is too small or the value is not finite."""
    values: dict[str, float | None] = {}
    for metric in metrics:
        small = min(original.size) < metric.min_side
        value = math.nan if small else metric.measure(original, decoded)
        values[metric.key] = value if math.isfinite(value) else None
    return values


def psnr(original: Image.Image, decoded: Image.Image) -> float:
    """Peak signal-to-noise ratio in dB over all RGB samples; inf for equal pictures."""
    difference = np.asarray(original, np.float64) - np.asarray(decoded, np.float64)
    mean_square = float(np.mean(difference**2))
    return float("inf") if mean_square == 0 else 10 * float(np.log10(255**2 / mean_square))


def ms_ssim(original: Image.Image, decoded: Image.Image) -> float:
    """MS-SSIM (Wang 2003) of RGB, 0 to 1; sides of at least 161 pixels."""
    from pytorch_msssim import ms_ssim as metric

    return float(metric(_tensor(original) * 255, _tensor(decoded) * 255, data_range=255.0))


def lpips(original: Image.Image, decoded: Image.Image, net: str = "squeeze") -> float:
    """LPIPS 0.1 (Zhang 2018) with the named backbone: "alex", "squeeze" or "vgg"."""
    import torch

    with torch.no_grad():
        return float(_lpips_network(net)(_tensor(original) * 2 - 1, _tensor(decoded) * 2 - 1))


def haarpsi(original: Image.Image, decoded: Image.Image) -> float:
    """Haar wavelet perceptual similarity (Reisenhofer 2018), 0 to 1, from the `piq` package."""
    from piq import haarpsi as metric

    return float(metric(_tensor(original), _tensor(decoded), data_range=1.0))


def spectral_peak(original: Image.Image, decoded: Image.Image) -> float:
    """The strongest periodic grain of the decoded luma, in dB, less that of the original.

    In the averaged periodogram, at each of PERIODS, horizontal, vertical and diagonal: the maximum of
    3x3 bins minus the median of the 13x13 around without the inner 5x5. Pictures under 256 pixels a
    side have no window; the result is then nan.
    """
    if min(original.size) < SPECTRUM_WINDOW:
        return float("nan")
    return _peak(decoded) - _peak(original)


def _peak(picture: Image.Image) -> float:
    rgb = np.asarray(picture, np.float64)
    luma = rgb @ np.array([0.299, 0.587, 0.114])
    hann = np.hanning(SPECTRUM_WINDOW)
    taper = hann[:, None] * hann
    power = np.zeros((SPECTRUM_WINDOW, SPECTRUM_WINDOW))
    count = 0
    for top in range(0, luma.shape[0] - SPECTRUM_WINDOW + 1, SPECTRUM_STRIDE):
        for left in range(0, luma.shape[1] - SPECTRUM_WINDOW + 1, SPECTRUM_STRIDE):
            window = luma[top : top + SPECTRUM_WINDOW, left : left + SPECTRUM_WINDOW]
            power += np.abs(np.fft.fft2((window - window.mean()) * taper)) ** 2
            count += 1
    decibel = 10 * np.log10(power / count + 1e-12)
    ring = np.ones((13, 13), bool)
    ring[4:9, 4:9] = False
    peaks = []
    for period in PERIODS:
        bin_ = round(SPECTRUM_WINDOW / period)
        for row, column in ((bin_, 0), (0, bin_), (bin_, bin_), (bin_, -bin_)):
            around = decibel.take(range(row - 6, row + 7), 0, mode="wrap").take(
                range(column - 6, column + 7), 1, mode="wrap"
            )
            peaks.append(around[5:8, 5:8].max() - np.median(around[ring]))
    return float(max(peaks))


@lru_cache
def _lpips_network(net: str) -> Any:
    import lpips as package

    from ulbic.paths import use_perceptual_weights

    if net == "squeeze":
        with suppress(InputError):  # without that folder torchvision downloads them, as for the other two
            use_perceptual_weights()
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):  # torch.hub announces downloads
        warnings.simplefilter("ignore")
        return package.LPIPS(net=net, verbose=False).eval()


def _tensor(picture: Image.Image) -> Any:
    """(1, 3, H, W) float32 in [0, 1]."""
    import torch

    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255
