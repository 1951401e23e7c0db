"""What a training step costs on this machine: arithmetic, samples a second, share of the peak, memory."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

from ulbic.models.config import PRESETS
from ulbic.models.model import UlbicModel
from ulbic.models.precision import fast_bfloat16
from ulbic.models.sparse.networks import build

from .config import TrainConfig
from .loop import ClippedAdamW
from .recipes import RECIPES, Task, bind
from .run import RunSetup
from .sparse_recipes import SPARSE_RECIPES


@dataclass(frozen=True, kw_only=True)
class StepCost:
    """Of one stage, a crop of 256x256 pixels being a sample; floating-point operations in units of 1e9."""

    stage: str
    batch: int
    gflop: float  # of a sample, forward and backward
    samples_per_second: float
    memory: float  # GiB; on a CPU the most that the process had so far

    @property
    def gflops(self) -> float:
        return self.gflop * self.samples_per_second


def measure(stage: str, setup: RunSetup, steps: int = 5) -> StepCost:
    """The median step of a new model on random crops; every step trains the predictor where the stage can."""
    config = replace(setup.config(stage), prediction_share=1.0)
    task = _new_task(stage, config, setup)
    task.state.to(setup.device).train()
    if setup.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    optimizer, mixed = ClippedAdamW(task.parameters, config), config.amp and fast_bfloat16(setup.device)
    x = torch.rand(config.batch, 3, config.crop, config.crop, device=setup.device)
    x = x.contiguous(memory_format=torch.channels_last)

    def step() -> None:
        with torch.autocast(setup.device, torch.bfloat16, enabled=mixed):
            value, _ = task.loss(x, 0.5)
        value.backward()
        optimizer.step(1e-6)

    with FlopCounterMode(display=False) as counter:
        step()
    seconds = statistics.median(_timed(step, setup.device) for _ in range(steps))
    return StepCost(
        stage=stage,
        batch=config.batch,
        gflop=counter.get_total_flops() / config.batch / 1e9,
        samples_per_second=config.batch / seconds,
        memory=_peak_memory(setup.device) / 2**30,
    )


def _new_task(stage: str, config: TrainConfig, setup: RunSetup) -> Task:
    if stage in RECIPES:
        model = UlbicModel(PRESETS[setup.preset]).to(memory_format=torch.channels_last).to(setup.device)
        return bind(stage, model, config)
    recipe = SPARSE_RECIPES[stage]
    network = build(recipe.networks[setup.preset]).to(setup.device)
    first = recipe.first_stage
    below = build(SPARSE_RECIPES[first].networks[setup.preset]) if first is not None else None
    return recipe.bind(network, below, config)


def _peak_memory(device: str) -> float:
    """Bytes: of the GPU since it was reset, or of this process since it began."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def peak_gflops(device: str) -> float:
    """What a large convolution in bfloat16 reaches."""
    batch, channels, side = (8, 128, 64) if device == "cpu" else (64, 512, 64)
    x = torch.rand(batch, channels, side, side, device=device, dtype=torch.bfloat16)
    x = x.contiguous(memory_format=torch.channels_last)
    kernel = torch.rand(channels, channels, 3, 3, device=device, dtype=torch.bfloat16)
    kernel = kernel.contiguous(memory_format=torch.channels_last)
    seconds = min(_timed(lambda: F.conv2d(x, kernel, padding=1), device) for _ in range(10))
    return 2 * batch * side**2 * channels**2 * 9 / seconds / 1e9


def table(setup: RunSetup, stages: Sequence[str]) -> str:
    """The stages, in Markdown."""
    peak = peak_gflops(setup.device)
    lines = [
        f"A bfloat16 convolution reaches {peak:.0f} GFLOPS here.",
        "",
        "| stage | batch | GFLOP a sample | samples/s | GFLOPS | share of that | GiB |",
        "|---|---|---|---|---|---|---|",
    ]
    for stage in stages:
        cost = measure(stage, setup)
        lines.append(
            f"| `{stage}` | {cost.batch} | {cost.gflop:.1f} | {cost.samples_per_second:.1f} "
            f"| {cost.gflops:.0f} | {cost.gflops / peak:.0%} | {cost.memory:.2f} |"
        )
    return "\n".join(lines)


def _timed(work, device: str) -> float:  # type: ignore[no-untyped-def]
    started = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started
