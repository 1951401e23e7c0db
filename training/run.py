"""Runs one stage, or all of them one after another, each from the weights that the last one left."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ulbic.codec.tables import export_tables
from ulbic.models.checkpoint import load_checkpoint, save_checkpoint
from ulbic.models.config import PRESETS
from ulbic.models.model import UlbicModel

from .config import TrainConfig
from .data import Crops, PictureStore, open_store
from .distributed import is_first, process_group, rows_of, wait
from .initialise import fit_lapped_transform
from .loop import Budget, train
from .recipes import RECIPES, Task, bind
from .sparse_recipes import SPARSE_RECIPES
from .views import view_pairs

SHARES = {  # of the time of a whole run of `tiny`
    "continuous": 0.12,
    "tokenizer": 0.12,
    "predictor": 0.05,
    "predictor-cross": 0.06,
    "joint": 0.58,
    "contexts": 0.04,
    "indices": 0.03,
}


@dataclass(frozen=True, kw_only=True)
class RunSetup:
    """What stays the same from stage to stage of a run."""

    preset: str
    shards: list[Path]
    cache: Path  # decoded pictures
    output: Path  # one folder a stage, with state, curves and weights
    device: str
    batch: int | None = None  # of all processes together, instead of the recipes'
    lpips_net: str | None = None  # likewise

    def config(self, stage: str) -> TrainConfig:
        """The stage's recipe; another batch size scales the learning rate by the root of the ratio."""
        recipe = RECIPES[stage] if stage in RECIPES else SPARSE_RECIPES[stage]
        return self.adapted(recipe.config(self.preset))

    def adapted(self, config: TrainConfig) -> TrainConfig:
        """A recipe with what the command line wants otherwise."""
        if self.lpips_net is not None:
            config = replace(config, lpips_net=self.lpips_net)
        if self.batch is None:
            return config
        rate = config.learning_rate * math.sqrt(self.batch / config.batch)
        return replace(config, batch=self.batch, learning_rate=rate)


def run_stage(stage: str, init: Path | None, budget: Budget, setup: RunSetup) -> Path:
    """Trains one stage, resuming what `setup.output` holds of it; returns the path of its weights.

    Raises:
        InputError: no shards; WeightsError: `init` cannot be used; UlbicError: a batch that the
            processes cannot share evenly.
    """
    with process_group(setup.device) as device, flushed_denormals(device):
        return _run_stage(stage, init, budget, replace(setup, device=device))


@contextmanager
def flushed_denormals(device: str) -> Iterator[None]:
    """On a CPU, numbers too small to be normal count as zero: they would cost a hundred times as much."""
    torch.set_flush_denormal(device == "cpu")
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def start(config: TrainConfig, setup: RunSetup) -> PictureStore:
    """Seeds the run and opens its pictures; the first process decodes them where that was not done before.

    Raises:
        InputError: no shards; UlbicError: a batch that the processes cannot share evenly.
    """
    rows_of(config.batch)
    torch.manual_seed(config.seed)
    if is_first():
        open_store(setup.shards, setup.cache)
    wait()
    return open_store(setup.shards, setup.cache)


def fit(
    task: Task,
    config: TrainConfig,
    budget: Budget,
    setup: RunSetup,
    store: PictureStore,
    folder: Path,
    source: Callable[..., Iterator[Tensor]] = Crops,
) -> None:
    """Trains what the task says on random crops of the pictures, or on what else `source` cuts of them."""
    task.state.to(setup.device)
    workers, rows = max(1, (os.cpu_count() or 1) // 2), rows_of(config.batch)
    train(
        task.state,
        task.parameters,
        task.loss,
        lambda step: source(store, config.batch, config.crop, config.seed, step, workers, rows),
        config,
        budget,
        folder,
    )


def _run_stage(stage: str, init: Path | None, budget: Budget, setup: RunSetup) -> Path:
    folder, config = setup.output / stage, setup.config(stage)
    store = start(config, setup)
    if init:
        model = load_checkpoint(init).model
    else:
        model = UlbicModel(PRESETS[setup.preset])
        resumed = (folder / "state.pt").exists()  # and then replaces what would be fitted here
        if model.continuous.lapped is not None and not resumed:
            fit_lapped_transform(model.continuous, Crops(store, batch=32, seed=1))
    model = model.to(memory_format=torch.channels_last).to(setup.device)
    source = view_pairs if RECIPES[stage].pairs else Crops
    fit(bind(stage, model, config), config, budget, setup, store, folder, source)
    weights = folder / "weights.safetensors"
    if is_first():
        save_model(weights, model.cpu())
    wait()
    return weights


def save_model(file: Path, model: UlbicModel) -> None:
    """Writes weights to train on from, in float32 and with their tables."""
    save_checkpoint(file, model, export_tables(model), torch.float32)


def run_all(init: Path | None, seconds: float, setup: RunSetup) -> Path:
    """Every stage of SHARES for its share of `seconds`; stages that are complete cost nothing."""
    with process_group(setup.device) as device:
        setup = replace(setup, device=device)
        for stage, share in SHARES.items():
            done = setup.output / stage / "weights.safetensors"
            init = done if done.exists() else run_stage(stage, init, Budget(None, share * seconds), setup)
    assert init is not None
    return init


@torch.no_grad()
def export(weights: Path, file: Path, setup: RunSetup, crops: int = 2048) -> None:
    """Writes the fp16 file to ship, its tables built from the rounded weights and from `crops` crops."""
    model = load_checkpoint(weights).model.half().float()
    counts = None
    if model.index_model is None:  # which makes a table of all indices superfluous
        batches = Crops(open_store(setup.shards, setup.cache), batch=8, seed=1)
        maps = [model.tokenizer.indices(next(batches)).flatten() for _ in range(crops // 8)]
        counts = torch.cat(maps).bincount(minlength=model.config.tokenizer.codes).numpy()
    save_checkpoint(file, model, export_tables(model, counts), torch.float16)
