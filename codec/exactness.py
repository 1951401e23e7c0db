"""The one rule by which a network may decide a symbol (docs/reproducibility.md).

A network's value is computed in float64 and rounded on a coarse grid. The encoder makes sure that no value
lies within GUARD of a rounding boundary; where one does, it shifts all boundaries by another `rounding`
offset, kept in the header, and starts again. So any decoder whose values differ by less rounds alike.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ulbic.models.entropy import MEAN_STEP, SCALE_LEVELS, SCALE_MAX, SCALE_MIN

GUARD = 1e-8  # of a grid step; implementations differ by about 1e-14 (docs/reproducibility.md)
OFFSETS = 16
_LOG_STEP = math.log(SCALE_MAX / SCALE_MIN) / (SCALE_LEVELS - 1)


class NearBoundaryError(Exception):
    """Some value may round differently elsewhere; the encoder tries the next offset."""


class ExactRounding:
    """Rounds float64 values on a grid that the header's `rounding` shifts by 1/32 steps.

    The shift stays under half a step, so that a scale clamped to the end of the table is never near a
    boundary.
    """

    def __init__(self, rounding: int, guard: float = 0.0) -> None:
        """`guard` > 0 (the encoder's) makes values near a boundary an error."""
        self._shift = rounding / (2 * OFFSETS)
        self._guard = guard

    def __call__(self, values: Tensor) -> Tensor:
        """int64 grid positions of `values`, which are in grid steps.

        Raises:
            NearBoundaryError: a value is within the guard of a boundary.
        """
        shifted = values + (self._shift + 0.5)
        floor = shifted.floor()
        if self._guard:
            fraction = shifted - floor
            if bool(((fraction < self._guard) | (fraction > 1 - self._guard)).any()):
                raise NearBoundaryError
        return floor.to(torch.int64)

    def means(self, mean: Tensor) -> Tensor:
        """Means rounded to multiples of MEAN_STEP; float64 in and out."""
        return self(mean / MEAN_STEP).double() * MEAN_STEP

    def scale_indices(self, scale: Tensor) -> Tensor:
        """Numbers of the nearest scale levels, int64 from 0 to SCALE_LEVELS - 1."""
        position = torch.log(scale.clamp(SCALE_MIN, SCALE_MAX) / SCALE_MIN) / _LOG_STEP
        return self(position).clamp(0, SCALE_LEVELS - 1)
