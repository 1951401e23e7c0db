"""The quality knob: 1 to 8, each a rate point of the continuous stream and a mask schedule."""

from __future__ import annotations

from typing import NamedTuple

from ulbic.errors import UlbicError


class RatePoint(NamedTuple):
    """What one quality stands for."""

    gain: float  # number of a gain vector, or between two, in 1/16 steps
    schedule: str


# A bit buys more in the continuous stream of `tiny` than in sent indices (docs/parts.md): while there are
# gains left to raise, the predictor fills in all indices; lattices, the seeds' "1_4" among them, join above.
QUALITIES = {
    1: RatePoint(0, "0"),
    2: RatePoint(1, "0"),
    3: RatePoint(2, "0"),
    4: RatePoint(3, "0"),
    5: RatePoint(4, "0"),
    6: RatePoint(5, "1_16"),
    7: RatePoint(6, "1_4"),
    8: RatePoint(7, "1_1"),
}
DEFAULT_QUALITY = 5


def rate_point(quality: int, schedule: str | None = None) -> RatePoint:
    """The rate point of a quality, with another schedule where one is given.

    Raises:
        UlbicError: quality is not 1 to 8.
    """
    if quality not in QUALITIES:
        raise UlbicError(f"quality {quality} is not one of 1 to 8")
    point = QUALITIES[quality]
    return point if schedule is None else point._replace(schedule=schedule)
