"""Picture metrics, one convention each, on 8-bit RGB pictures of the same size.

Most have a value for each picture, and over a set the mean of these. One is a measure of the set itself:
there a picture leaves sums, and the value is that of what all pictures' sums add up to.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import numpy as np
from PIL import Image

from ulbic.errors import UlbicError

from . import mesh

PERIODS = (2, 3, 4, 8, 16)  # pixels; grids that networks like to leave
SPECTRUM_WINDOW, SPECTRUM_STRIDE = 256, 128


Measured = float | list[float]  # of a picture: its value, or the sums that it leaves


@dataclass(frozen=True)
class Metric:
    """One of the distortion measures, as tables and figures name it."""

    key: str  # column of a CSV file
    label: str
    unit: str  # empty for a pure number
    measure: Callable[[Image.Image, Image.Image], Measured]
    pool: Callable[[Sequence[Any]], float] = statistics.fmean  # from what `measure` found in a set's pictures
    lower_is_better: bool = False
    min_side: int = 1  # pixels; smaller pictures have no value
    has_bd_rate: bool = True

    @property
    def axis(self) -> str:
        """The label with its unit, for an axis or the head of a column."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label

    def value(self, measured: Iterable[Measured | None]) -> float | None:
        """That of a set of pictures, one alone included; None where none has one."""
        present = [one for one in measured if one is not None]
        value = self.pool(present) if present else math.nan
        return value if math.isfinite(value) else None


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
        Metric("wasserstein", "Wasserstein(squeeze)", "", wasserstein, lower_is_better=True, min_side=32),
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
        Metric(
            "mesh",
            "mesh in calm areas",
            "dB",
            mesh.spectra,
            mesh.excess,
            lower_is_better=True,
            min_side=mesh.BLOCK,
            has_bd_rate=False,
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
) -> dict[str, Measured | None]:
    """Every metric by its key; None where the picture is too small or the value is not finite."""
    found: dict[str, Measured | None] = {}
    for metric in metrics:
        small = min(original.size) < metric.min_side
        one = math.nan if small else metric.measure(original, decoded)
        found[metric.key] = one if np.all(np.isfinite(one)) else None
    return found


def picture_values(
    measured: Mapping[str, Measured | None], metrics: Sequence[Metric]
) -> dict[str, float | None]:
    """The metrics of one picture alone, by their keys, from what `measure` found."""
    return {metric.key: metric.value([measured[metric.key]]) for metric in metrics}


def labelled(original: Image.Image, decoded: Image.Image, metrics: Sequence[Metric]) -> dict[str, float]:
    """The metrics of one picture by their labels; nan where there is no value."""
    values = picture_values(measure(original, decoded, metrics), metrics)
    found = ((metric.label, values[metric.key]) for metric in metrics)
    return {label: math.nan if value is None else value for label, value in found}


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


def wasserstein(original: Image.Image, decoded: Image.Image) -> float:
    """Wasserstein distortion (Ballé 2025) on LPIPS(squeeze)'s features, pooled over 32 pixels around each."""
    import torch

    from ulbic.models.perceptual import WassersteinDistortion

    distortion = WassersteinDistortion(_lpips_network("squeeze"))
    with torch.no_grad():
        return float(distortion(_tensor(decoded), _tensor(original)))


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
    from ulbic.models.perceptual import lpips_network

    return lpips_network(net)


def _tensor(picture: Image.Image) -> Any:
    """(1, 3, H, W) float32 in [0, 1]."""
    import torch

    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255
