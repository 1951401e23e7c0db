"""What a bit is worth: the exchange of rate for distortion that a model's gains stand for. Free of torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor


class Tradeoff(NamedTuple):
    """lambda bpp + squared_weight x square error + structure_weight x (1 - MS-SSIM) of the restoration.

    lambda and the square error are those that the continuous stream was trained with.
    """

    rate_weights: tuple[float, float] = (40.0, 0.6)  # lambda at the lowest and the highest gain
    squared_weight: float = 135.0
    structure_weight: float = 3.0

    def rate_weight(self, gain: Tensor, gains: int) -> Tensor:
        """lambda of gains from 0 to gains - 1, log-spaced between the two ends; of any shape."""
        return log_spaced(self.rate_weights, gain, gains)


def log_spaced(ends: tuple[float, float], gain: Tensor, gains: int) -> Tensor:
    """From the first end at gain 0 to the second at gain gains - 1, by equal ratios."""
    low, high = ends
    return low * (high / low) ** (gain.float() / max(gains - 1, 1))
