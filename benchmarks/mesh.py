"""The mesh that a codec leaves in calm areas (sky, skin, walls), which the spectrum of whole pictures hides.

It is a measure of a set of pictures: few have many calm blocks, and the mean periodogram of few blocks is all
peaks and holes. So each picture leaves sums, and the decibels are taken of what they add up to.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

PERIODS = (2, 4, 8)  # pixels
BLOCK, STEP = 32, 16
DETAIL_SIGMA, CALM_SIGMA = 4, 8  # pixels, of the Gaussian means
CALM = 9.0  # levels squared: below it, the mean square around a pixel is calm
_REACH = 3  # bins
_SILENCE = 1e-12  # keeps the logarithm of nothing finite


def _neighbourhoods() -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns, (12, 25) each, of the bins that count: a peak first, then the ring around it.

    Twelve peaks: each of PERIODS along rows, along columns and along both diagonals. The ring has the bins
    that are two to three away, the larger of both distances counting.
    """
    offsets = range(-_REACH, _REACH + 1)
    ring = [(i, j) for i in offsets for j in offsets if max(abs(i), abs(j)) >= 2]
    bins = [BLOCK // period for period in PERIODS]
    peaks = [peak for b in bins for peak in ((0, b), (b, 0), (b, b), (b, -b))]
    around = [[(row + i, column + j) for i, j in ((0, 0), *ring)] for row, column in peaks]
    rows, columns = np.moveaxis(np.array(around) % BLOCK, 2, 0)
    return rows, columns


_BINS = _neighbourhoods()
_TAPER = np.hanning(BLOCK)[:, None] * np.hanning(BLOCK)


def spectra(original: Image.Image, decoded: Image.Image) -> list[float]:
    """What a picture adds to the sums: its calm blocks, then their power at the bins that count.

    Detail is 8-bit luma minus its Gaussian mean. A pixel is calm where the Gaussian mean of the original's
    squared detail is under CALM; blocks lie every STEP pixels, and all of their pixels must be calm. Power is
    that of the Hann periodogram of a block's detail: (2, 12, 25), original and decoded. Sides of 32 pixels.
    """
    from scipy.ndimage import gaussian_filter

    luma = [np.asarray(picture.convert("L"), np.float64) for picture in (original, decoded)]
    detail = np.stack([plane - gaussian_filter(plane, DETAIL_SIGMA) for plane in luma])
    calm = gaussian_filter(detail[0] ** 2, CALM_SIGMA) < CALM
    wholly = _blocks(calm).all(axis=(-2, -1))
    blocks = _blocks(detail)[:, wholly]  # (2, blocks, 32, 32)
    power = (np.abs(np.fft.fft2(blocks * _TAPER)) ** 2).sum(axis=1)
    return [float(wholly.sum()), *power[:, *_BINS].ravel().tolist()]


def excess(sums: Sequence[list[float]]) -> float:
    """The strongest mesh of the decoded pictures that leave these sums, in dB, less the originals'.

    A peak stands so many dB above the median of its ring. nan where no block is calm.
    """
    blocks, *power = np.sum(np.asarray(sums), axis=0)
    if not blocks:
        return float("nan")
    decibel = 10 * np.log10(np.reshape(power, (2, *_BINS[0].shape)) / blocks + _SILENCE)
    original, decoded = decibel[..., 0] - np.median(decibel[..., 1:], axis=-1)
    return float(np.max(decoded - original))


def _blocks(planes: np.ndarray) -> np.ndarray:
    """(..., H, W) to overlapping blocks (..., rows, columns, 32, 32)."""
    sliding = np.lib.stride_tricks.sliding_window_view
    views = sliding(planes, (BLOCK, BLOCK), axis=(-2, -1))  # type: ignore[call-overload]
    return views[..., ::STEP, ::STEP, :, :]
