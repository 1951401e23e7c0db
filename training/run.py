"""Runs one stage, or all of them one after another, each from the weights that the last one left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from ulbic.codec.bundle import export_tables
from ulbic.models.checkpoint import load_checkpoint, save_checkpoint
from ulbic.models.config import PRESETS
from ulbic.models.model import UlbicModel

from .data import Crops, open_store
from .loop import Budget, train
from .recipes import RECIPES, bind

SHARES = {  # of the time of a whole run of `tiny`
    "continuous": 0.12,
    "tokenizer": 0.12,
    "predictor": 0.05,
    "predictor-cross": 0.06,
    "joint": 0.65,
}


@dataclass(frozen=True, kw_only=True)
class RunPaths:
    """Where a run reads and writes."""

    shards: list[Path]
    cache: Path  # decoded pictures
    output: Path  # one folder a stage, with state, curves and weights


def run_stage(
    stage: str, preset: str, init: Path | None, budget: Budget, paths: RunPaths, device: str
) -> Path:
    """Trains one stage, resuming what `paths.output` holds of it; returns the path of its weights.

    Raises:
        InputError: no shards; WeightsError: `init` cannot be used.
    """
    if device == "cpu":
        torch.set_flush_denormal(True)
    folder = paths.output / stage
    weights = folder / "weights.safetensors"
    recipe, config = RECIPES[stage], RECIPES[stage].config(preset)
    torch.manual_seed(config.seed)
    model = load_checkpoint(init).model if init else UlbicModel(PRESETS[preset])
    model = model.to(memory_format=torch.channels_last).to(device)
    task = bind(recipe, model, preset)
    task.state.to(device)
    store = open_store(paths.shards, paths.cache)
    train(
        task.state,
        task.parameters,
        task.loss,
        lambda step: Crops(store, config.batch, config.crop, config.seed, step),
        config,
        budget,
        folder,
    )
    save_checkpoint(weights, model.cpu(), export_tables(model), torch.float32)
    return weights


def run_all(preset: str, init: Path | None, seconds: float, paths: RunPaths, device: str) -> Path:
    """Every stage of SHARES for its share of `seconds`; stages that are complete cost nothing."""
    for stage, share in SHARES.items():
        done = paths.output / stage / "weights.safetensors"
        if done.exists():
            init = done
            continue
        init = run_stage(stage, preset, init, Budget(None, share * seconds), paths, device)
    assert init is not None
    return init
