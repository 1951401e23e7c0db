"""A model ready for coding: networks on their device, the float64 context model, the integer tables."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from ulbic.bitstream.tables import FrequencyTables, integer_frequencies
from ulbic.errors import UlbicError, WeightsError
from ulbic.models.checkpoint import load_checkpoint
from ulbic.models.continuous import ContextModel
from ulbic.models.entropy import FactorizedPrior, gaussian_likelihood, scale_table
from ulbic.models.float64 import in_float64
from ulbic.models.model import UlbicModel
from ulbic.models.zoo import DEFAULT_MODEL_ID, FILE_MODEL_ID, entry

_TAIL = 1e-6  # symbols less probable than this have no place in a table


@dataclass(frozen=True)
class Bundle:
    """Everything that coding needs, for one model on one device."""

    model: UlbicModel
    context: ContextModel  # float64: decides symbols, and so runs alike everywhere; never on "mps"
    hyper_tables: FrequencyTables  # one a hyper-latent channel
    latent_tables: FrequencyTables  # one a scale level
    index_table: FrequencyTables  # a single one, over the codebook
    model_id: int
    weights_tag: int  # 12 bits

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    @property
    def context_device(self) -> torch.device:
        return next(self.context.parameters()).device

    @property
    def hyper_medians(self) -> Tensor:
        """(channels, 1, 1) float64: what stands for 0 in each hyper-latent channel."""
        return self.model.continuous.prior.medians.to(self.context_device).double()

    def pixel_precision(self) -> torch.autocast:
        """The context in which the networks run whose values no decoder must reproduce."""
        mixed = self.model.config.precision == "bfloat16"
        return torch.autocast(self.device.type, torch.bfloat16, enabled=mixed)


@lru_cache(maxsize=2)
def load_bundle(
    model_id: int = DEFAULT_MODEL_ID, device: str = "auto", weights: Path | None = None
) -> Bundle:
    """The bundled model of that number, or the one in `weights`, whose number is FILE_MODEL_ID.

    Args:
        device: "auto" (CUDA where there is one, else the CPU), or a torch device.

    Raises:
        WeightsError: unknown number, or no usable file.
        UlbicError: no such device.
    """
    known = entry(model_id)
    if weights is not None:
        path, model_id = weights, FILE_MODEL_ID
    elif known is not None:
        path = known.path
    else:
        raise WeightsError(f"the file needs model {model_id}, which this release does not know")
    checkpoint = load_checkpoint(path)
    tag = int(checkpoint.digest[:3], 16)
    return make_bundle(checkpoint.model, checkpoint.tables, model_id, tag, _find_device(device))


def make_bundle(
    model: UlbicModel,
    arrays: dict[str, Tensor],
    model_id: int,
    weights_tag: int,
    device: str | torch.device = "cpu",
) -> Bundle:
    """Makes a model ready, in place, but for its context model, of which a copy becomes float64.

    Args:
        arrays: the integer tables, as `export_tables` gives them.
    """
    if model.config.precision == "bfloat16":
        _store_in_half(model)
    place = torch.device(device)
    context = in_float64(copy.deepcopy(model.continuous.context))
    return Bundle(
        model=model.to(place),
        context=context.to("cpu" if place.type == "mps" else place),  # Metal has no float64
        **read_tables(arrays),
        model_id=model_id,
        weights_tag=weights_tag,
    )


def _store_in_half(model: UlbicModel) -> None:
    """Rounds to bfloat16 what `pixel_precision` would round at every use: convolutions and linear layers."""
    stream = model.continuous
    for part in (stream.g_a, stream.g_s, model.tokenizer, model.bridge, model.predictor, model.correction):
        for module in part.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                module.to(torch.bfloat16)


def _find_device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError):  # torch's words for an unknown and for a missing one
        raise UlbicError(f"there is no device {name!r} here") from None


def read_tables(arrays: dict[str, Tensor]) -> dict[str, FrequencyTables]:
    """The tables that `export_tables` made, by the names that a Bundle gives them.

    Raises:
        WeightsError: one is missing.
    """
    names = {"hyper_tables": "hyper", "latent_tables": "latent", "index_table": "index"}
    return {field: _tables(arrays, name) for field, name in names.items()}


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
