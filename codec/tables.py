"""The integer tables that travel with the weights: made once, of a trained model, and read ever after."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ulbic.bitstream.tables import FrequencyTables, integer_frequencies
from ulbic.errors import WeightsError
from ulbic.models.entropy import FactorizedPrior, gaussian_likelihood, scale_table
from ulbic.models.model import UlbicModel

_TAIL = 1e-6  # symbols less probable than this have no place in a table


@dataclass(frozen=True, kw_only=True)
class Tables:
    """All that the coder may know of probabilities."""

    hyper: FrequencyTables  # one for each hyper-latent channel
    latent: FrequencyTables  # one for each scale level
    index: FrequencyTables  # a single one, over the codebook


def read_tables(arrays: dict[str, Tensor]) -> Tables:
    """The tables that `export_tables` made.

    Raises:
        WeightsError: one is missing.
    """
    return Tables(**{name: _tables(arrays, name) for name in ("hyper", "latent", "index")})


def _tables(arrays: dict[str, Tensor], name: str) -> FrequencyTables:
    fields = ("lowest", "lengths", "frequencies")
    try:
        return FrequencyTables.from_arrays(*(arrays[f"{name}.{field}"].numpy() for field in fields))
    except KeyError as error:
        raise WeightsError(f"the weight file has no table {error}") from None


def export_tables(model: UlbicModel, index_counts: np.ndarray | None = None) -> dict[str, Tensor]:
    """Builds the integer tables of a trained model, once, to be saved with its weights.

    Args:
        index_counts: (codes,) how often each code was met; none makes the table uniform.
    """
    codes = model.config.tokenizer.codes
    counts = np.zeros(codes) if index_counts is None else index_counts
    families = {
        "hyper": _hyper_tables(model.continuous.prior),
        "latent": _latent_tables(),
        "index": FrequencyTables((0,), (integer_frequencies(counts + 1.0),)),
    }
    return {
        f"{name}.{field}": torch.from_numpy(array)
        for name, family in families.items()
        for field, array in family.to_arrays().items()
    }


@torch.no_grad()
def _hyper_tables(prior: FactorizedPrior, reach: int = 64) -> FrequencyTables:
    prior = copy.deepcopy(prior).cpu().double()
    values = torch.arange(-reach, reach + 1, dtype=torch.float64)
    grid = values.expand(1, prior.channels, -1)[..., None] + prior.medians
    return _trimmed(prior.likelihood(grid)[0, :, :, 0].numpy(), reach)


def _latent_tables() -> FrequencyTables:
    scales = scale_table()
    reach = int(6 * float(scales[-1]))
    values = torch.arange(-reach, reach + 1, dtype=torch.float64)
    return _trimmed(gaussian_likelihood(values[None], scales[:, None]).numpy(), reach)


def _trimmed(probabilities: np.ndarray, reach: int) -> FrequencyTables:
    """One table a row, over the span of symbols that are more probable than _TAIL, at least -1 to 1."""
    lowest, frequencies = [], []
    for row in probabilities:
        likely = np.flatnonzero(row > _TAIL)
        first = min(int(likely[0]), reach - 1)
        last = max(int(likely[-1]), reach + 1)
        lowest.append(first - reach)
        frequencies.append(integer_frequencies(row[first : last + 1]))
    return FrequencyTables(tuple(lowest), tuple(frequencies))
