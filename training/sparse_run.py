"""Runs one stage of the systems of docs/sparse.md."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from ulbic.errors import InputError
from ulbic.models.sparse.files import load_network, save_network
from ulbic.models.sparse.networks import build

from .distributed import is_first, process_group, wait
from .loop import Budget
from .run import RunSetup, fit, flushed_denormals, start
from .sparse_recipes import SPARSE_RECIPES


def run_sparse_stage(stage: str, init: Path | None, budget: Budget, setup: RunSetup) -> Path:
    """Trains one stage, resuming what `setup.output` holds of it; returns the path of its weights.

    Args:
        init: of `mq-vae` and `dq-vae`, weights to start from, if any; of a prior, those of its first stage.

    Raises:
        InputError: no shards, or no first stage; WeightsError: `init` cannot be used; UlbicError: a batch
            that the processes cannot share evenly.
    """
    with process_group(setup.device) as device, flushed_denormals(device):
        return _run(stage, init, budget, replace(setup, device=device))


def _run(stage: str, init: Path | None, budget: Budget, setup: RunSetup) -> Path:
    recipe, folder, config = SPARSE_RECIPES[stage], setup.output / stage, setup.config(stage)
    given, wanted = load_network(init) if init else None, recipe.first_stage or stage
    if given is None and recipe.first_stage is not None:
        raise InputError(f"{stage} needs --init with weights of {wanted}")
    if given is not None and type(given.config) is not type(SPARSE_RECIPES[wanted].networks["tiny"]):
        raise InputError(f"{stage} needs weights of {wanted}, which --init does not hold")
    store = start(config, setup)
    prior = recipe.first_stage is not None
    network = build(recipe.networks[setup.preset]) if given is None or prior else given
    network = network.to(memory_format=torch.channels_last).to(setup.device)
    fit(recipe.bind(network, given, config), config, budget, setup, store, folder)
    weights = folder / "weights.safetensors"
    if is_first():
        save_network(weights, network.cpu(), torch.float32)
    wait()
    return weights
