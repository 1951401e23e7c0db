"""A model ready for coding: its profile, its networks on their device, and the integer tables."""

from __future__ import annotations

import copy
import logging
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from ulbic.errors import InputError, UlbicError, WeightsError
from ulbic.files import file_digest
from ulbic.models.checkpoint import load_checkpoint
from ulbic.models.float64 import in_float64
from ulbic.models.model import UlbicModel
from ulbic.models.precision import fast_bfloat16
from ulbic.models.ranking import Ranking, load_ranking

from .networks import Networks, TorchNetworks
from .profiles import Profile, profile_of_file
from .tables import Tables, read_tables

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """Everything that coding needs, for one model on one device."""

    profile: Profile
    networks: Networks
    tables: Tables


def load_bundle(profile: Profile | None, device: str = "auto", weights: str | Path | None = None) -> Bundle:
    """A model's networks, loaded once for each device.

    Args:
        profile: of the model; None where `weights` are given.
        device: "auto" (CUDA where there is one, else the CPU), or a torch device.
        weights: a weight file instead, whose model has no number of its own.

    Raises:
        WeightsError: no usable file, or not the one of the profile.
        InputError: the file cannot be read.
        UlbicError: no such device.
    """
    place = str(find_device(device))
    if weights is not None:
        path = Path(weights).resolve()
        return _load_file(path, _digest(path), place)
    assert profile is not None
    return _load_profile(profile, place)


@lru_cache(maxsize=2)
def _load_profile(profile: Profile, device: str) -> Bundle:
    started, path = time.perf_counter(), profile.find_weights()
    checkpoint = load_checkpoint(path)
    if checkpoint.digest != profile.sha256:
        raise WeightsError(f"the weights in {str(path)!r} are not those of model {profile.name!r}")
    bundle = make_bundle(checkpoint.model, checkpoint.tables, profile, device)
    _tell_of(bundle, path, started)
    return bundle


@lru_cache(maxsize=2)
def _load_file(path: Path, sha256: str, device: str) -> Bundle:
    started = time.perf_counter()
    checkpoint = load_checkpoint(path)
    config = checkpoint.model.config
    profile = profile_of_file(path, sha256, config.continuous.gains, config.precision)
    bundle = make_bundle(checkpoint.model, checkpoint.tables, profile, device)
    _tell_of(bundle, path, started)
    return bundle


def _tell_of(bundle: Bundle, path: Path, started: float) -> None:
    model = f"model {bundle.profile.name}, weights {bundle.profile.tag:03x} in {path}"
    place = f"{bundle.networks.device} (threads: {torch.get_num_threads()})"
    _LOG.info("%s, on %s: loaded in %.2f s", model, place, time.perf_counter() - started)


def _digest(path: Path) -> str:
    try:
        return file_digest(path)
    except FileNotFoundError:
        raise WeightsError(f"no weights at {path}") from None
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror}") from None


def make_bundle(
    model: UlbicModel, arrays: dict[str, Tensor], profile: Profile, device: str | torch.device = "cpu"
) -> Bundle:
    """Makes a model ready, in place; copies of what decides symbols run in float64.

    Args:
        arrays: the integer tables, as `export_tables` gives them.
    """
    place = torch.device(device)
    context = in_float64(copy.deepcopy(model.continuous.context))
    index_model = None if model.index_model is None else in_float64(copy.deepcopy(model.index_model))
    exact = torch.device("cpu") if place.type == "mps" else place  # Metal has no float64
    fast = fast_bfloat16(place.type)
    mixed = fast and profile.precision == "bfloat16"
    if mixed:
        _store_in_half(model)
    networks = TorchNetworks(
        model.to(place),
        context.to(exact),
        None if index_model is None else index_model.to(exact),
        ranking=lambda: _load_ranking(profile, place),
        mixed=mixed,
        mixed_pixels=fast,
    )
    return Bundle(profile=profile, networks=networks, tables=read_tables(arrays))


@lru_cache(maxsize=2)
def _load_ranking(profile: Profile, place: torch.device) -> Ranking:
    """What the indices of a model are worth, on a device."""
    path = profile.find_ranking()
    if file_digest(path) != profile.ranking_sha256:
        raise WeightsError(f"the ranking weights in {str(path)!r} are not those of model {profile.name!r}")
    file = load_ranking(path)
    if file.model != profile.sha256:
        raise WeightsError(f"the ranking weights in {str(path)!r} belong to other weights")
    return file.ranking.to(place)


def _store_in_half(model: UlbicModel) -> None:
    """Rounds to bfloat16 what autocast would round at every use: convolutions and linear layers."""
    stream = model.continuous
    for part in (stream.g_a, stream.g_s, model.tokenizer, model.bridge, model.predictor, model.correction):
        for module in part.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                module.to(torch.bfloat16)


def find_device(name: str) -> torch.device:
    """The device of a name; of "auto" CUDA where there is one, else the CPU.

    Raises:
        UlbicError: there is none of that name.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError):  # torch's words for an unknown and for a missing one
        raise UlbicError(f"there is no device {name!r} here") from None
