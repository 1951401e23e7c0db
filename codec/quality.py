"""The quality knob: 1 to 8, each a rate point of the continuous stream and a mask schedule."""

from __future__ import annotations

from typing import NamedTuple

from ulbic.errors import UlbicError


class RatePoint(NamedTuple):
    """What one quality stands for."""

    gain: float  # number of a gain vector, or between two, in 1/16 steps
    schedule: str


# Sparser lattices than the seeds' "1_4": a bit buys more in the continuous stream of `tiny` (docs/parts.md).
QUALITIES = {
    1: RatePoint(0, "0"),
    2: RatePoint(1, "1_16"),
    3: RatePoint(2, "1_16"),
    4: RatePoint(3, "1_16"),
    5: RatePoint(4, "1_16"),
    6: RatePoint(5, "1_8"),
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
