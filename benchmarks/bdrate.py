"""Bjontegaard's average difference of rate between two rate-distortion curves.

G. Bjontegaard, "Calculation of average PSNR differences between RD-curves", VCEG-M33, 2001; with piecewise
cubic (PCHIP) interpolation instead of one cubic polynomial, as in JCTVC-L1100 and its successors.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from .metrics import Metric
from .records import Curve

Point = tuple[float, float]  # bits per pixel, metric


def bd_rate(anchor: Iterable[Point], test: Iterable[Point], lower_is_better: bool = False) -> float | None:
    """Per cent of rate that `test` needs more (less, if negative) than `anchor` for the same metric.

    The mean of the difference of log rates over the range of the metric that both curves reach. None where
    there is no such range, or a curve has less than two points on its frontier.
    """
    from scipy.interpolate import PchipInterpolator

    sign = -1 if lower_is_better else 1
    frontiers = [_frontier([(rate, sign * value) for rate, value in curve]) for curve in (anchor, test)]
    if min(len(frontier) for frontier in frontiers) < 2:
        return None
    low = max(frontier[0][1] for frontier in frontiers)
    high = min(frontier[-1][1] for frontier in frontiers)
    if low >= high:
        return None
    areas = []
    for frontier in frontiers:
        rates, values = zip(*frontier, strict=True)
        log_rate = PchipInterpolator(values, [math.log(rate) for rate in rates])
        areas.append(float(log_rate.integrate(low, high)))
    return 100 * math.expm1((areas[1] - areas[0]) / (high - low))


def at_rate(curve: np.ndarray, rate: float) -> np.ndarray:
    """Columns but the first of a curve (points, 1 + n), whose first is the rising rate, at a rate: (n,).

    Linear over the logarithm of the rate.
    """
    return np.array([np.interp(np.log(rate), np.log(curve[:, 0]), column) for column in curve[:, 1:].T])


BdRates = dict[str, dict[str, dict[str, float | None]]]  # per cent, by anchor, codec and metric


def bd_rates(curves: Sequence[Curve], metrics: Sequence[Metric]) -> BdRates:
    """Of every pair of different codecs."""
    return {
        anchor.codec: {
            test.codec: {
                metric.key: bd_rate(
                    anchor.points(metric.key), test.points(metric.key), metric.lower_is_better
                )
                for metric in metrics
                if metric.has_bd_rate
            }
            for test in curves
            if test is not anchor
        }
        for anchor in curves
    }


def _frontier(points: list[Point]) -> list[Point]:
    """By rising rate, the points that are better than all cheaper ones: a function of rate."""
    best: list[Point] = []
    for point in sorted(points):
        if not best or point[1] > best[-1][1]:
            best.append(point)
    return best
