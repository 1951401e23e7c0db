"""The best file under a budget of bytes.

The ladder of qualities says which index mode suits which gain, by measured quality on the validation
pictures (docs/parts.md). So the search takes the best quality that fits, or else the format's lowest gain,
and raises the gain in small steps as far as the budget allows. Both encoders have run before; what is tried
is coded, and weighed, in full. Annealed latents take longer: they are tried last, at gains not far from the
one that was found without.
"""

from __future__ import annotations

import logging
import warnings
from bisect import bisect_right
from dataclasses import replace
from functools import cache

from ulbic.bitstream.container import GAIN_STEPS, LOWEST_GAIN
from ulbic.errors import BudgetError

from .bundle import Bundle
from .encoder import EncodedPicture, PictureFeatures, encode_features
from .profiles import RatePoint

NEAR = GAIN_STEPS  # steps to either side at which annealed latents are tried
_LOG = logging.getLogger(__name__)


def encode_to_budget(
    bundle: Bundle,
    features: PictureFeatures,
    budget: int,
    *,
    index_mode: str | None = None,
    strict: bool = False,
) -> EncodedPicture:
    """The best file of at most `budget` bytes; the smallest there is, with a warning, where none fits.

    Args:
        index_mode: keep to this one.
        strict: make it an error that none fits.

    Raises:
        BudgetError: `strict`, and no file is small enough.
        LimitError: the format has no room for the picture's size.
    """

    @cache
    def encoded(point: RatePoint, annealed: bool) -> EncodedPicture:
        given = features if annealed else replace(features, annealing=None)
        return encode_features(bundle, given, point)

    def best(points: list[RatePoint], annealed: bool = False) -> RatePoint:
        """The last of the points, in the order of rate, that fits, or the first."""
        fitting = bisect_right(points, budget, key=lambda p: len(encoded(p, annealed).data))
        return points[max(fitting - 1, 0)]

    _LOG.info("a budget of %d bytes", budget)
    highest = bundle.networks.sizes.gains - 1
    ladder = list(bundle.profile.qualities)
    if highest > 0:
        ladder.insert(0, ladder[0]._replace(gain=LOWEST_GAIN))
    if index_mode is not None:
        ladder = [point._replace(index_mode=index_mode) for point in ladder]
    start = best(ladder)
    steps = range(int(start.gain * GAIN_STEPS), highest * GAIN_STEPS + 1)
    point = best([start._replace(gain=step / GAIN_STEPS) for step in steps])
    result = encoded(point, False)
    if features.annealing is not None:
        centre = int(point.gain * GAIN_STEPS)
        near = range(max(centre - NEAR, LOWEST_GAIN * GAIN_STEPS), min(centre + NEAR, steps[-1]) + 1)
        around = [point._replace(gain=step / GAIN_STEPS) for step in near]
        annealed = encoded(best(around, True), True)
        result = annealed if len(annealed.data) <= budget else result

    if len(result.data) > budget:
        shortfall = f"the smallest file of this picture has {len(result.data)} bytes, the budget is {budget}"
        if strict:
            raise BudgetError(shortfall)
        warnings.warn(shortfall, stacklevel=3)
    return result
