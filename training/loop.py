"""The one training loop: autocast, clipping, warm-up and cosine, averaged weights, resume, run record."""

from __future__ import annotations

import json
import math
import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from .config import TrainConfig

Loss = Callable[[Tensor, float], tuple[Tensor, dict[str, Tensor]]]


class Budget:
    """How long a run lasts: so many steps, or so many seconds of training, whichever is given."""

    def __init__(self, steps: int | None, seconds: float | None) -> None:
        if (steps is None) == (seconds is None):
            raise ValueError("give either steps or seconds")
        self.steps, self.seconds = steps, seconds

    def progress(self, step: int, elapsed: float) -> float:
        """Fraction of the run that is done, 0 to 1."""
        done = step / self.steps if self.steps is not None else elapsed / float(self.seconds or 1)
        return min(done, 1.0)


def learning_rate(config: TrainConfig, progress: float) -> float:
    """Linear warm-up, then half a cosine down to 2 % of the base rate."""
    if progress < config.warmup:
        return config.learning_rate * (progress + 1e-3) / config.warmup
    phase = (progress - config.warmup) / (1 - config.warmup)
    return config.learning_rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * phase)))


class Averaged:
    """Exponential moving average of all trained parameters and of all floating buffers."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.values = {k: v.detach().clone() for k, v in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        for key, value in model.state_dict().items():
            if value.is_floating_point():
                self.values[key].lerp_(value, 1 - decay)
            else:
                self.values[key].copy_(value)


def train(
    model: nn.Module,
    parameters: list[nn.Parameter],
    loss: Loss,
    batches: Callable[[int], object],
    config: TrainConfig,
    budget: Budget,
    folder: Path,
    save_every: float = 180.0,
) -> None:
    """Trains `parameters` of `model` in place and leaves the averaged weights in it.

    Args:
        loss: (crops (B, 3, H, W) in [0, 1], progress) to (scalar, values to log).
        batches: given the number of steps done before, an endless iterator of crops.
        folder: receives `state.pt` (to resume from), `log.jsonl` (curves) and `record.json`.
        save_every: seconds between two checkpoints.
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = parameters[0].device
    fused = AdamWFused(parameters, config)
    averaged = Averaged(model, config.ema)
    step, elapsed = 0, 0.0
    state_file = folder / "state.pt"
    if state_file.exists():
        state = torch.load(state_file, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        fused.optimizer.load_state_dict(state["optimizer"])
        averaged.values = state["averaged"]
        step, elapsed = state["step"], state["elapsed"]
        torch.set_rng_state(state["rng"].cpu())
    else:
        torch.manual_seed(config.seed)
    _write_record(folder, config, budget, device)
    source = batches(step)
    started = saved = time.monotonic()
    begun = elapsed
    sums: dict[str, float] = {}
    progress = budget.progress(step, elapsed)

    def save() -> None:
        state = {
            "model": model.state_dict(),
            "optimizer": fused.optimizer.state_dict(),
            "averaged": averaged.values,
            "step": step,
            "elapsed": elapsed,
            "rng": torch.get_rng_state(),
        }
        torch.save(state, state_file.with_suffix(".tmp"))
        os.replace(state_file.with_suffix(".tmp"), state_file)

    model.train()
    with open(folder / "log.jsonl", "a") as log:
        while progress < 1:
            x = next(source).to(device, non_blocking=True)  # type: ignore[call-overload]
            with torch.autocast(device.type, torch.bfloat16):
                value, terms = loss(x, progress)
            value.backward()
            norm = fused.step(learning_rate(config, progress))
            averaged.update(model, step)
            step += 1
            elapsed = begun + time.monotonic() - started
            progress = budget.progress(step, elapsed)
            for key, term in {"loss": value, "grad": norm, **terms}.items():
                sums[key] = sums.get(key, 0.0) + float(term.detach())
            if step % 25 == 0 or progress >= 1:
                count = (step - 1) % 25 + 1
                line = {k: round(v / count, 5) for k, v in sums.items()}
                log.write(json.dumps({"step": step, "seconds": round(elapsed, 1), **line}) + "\n")
                log.flush()
                sums = {}
            if time.monotonic() - saved > save_every:
                save()
                saved = time.monotonic()
    save()
    model.load_state_dict(averaged.values)
    model.eval()


class AdamWFused:
    """AdamW without decay on vectors, and gradient clipping that skips a step that is not finite."""

    def __init__(self, parameters: list[nn.Parameter], config: TrainConfig) -> None:
        self.parameters, self.clip = parameters, config.grad_clip
        matrices = [p for p in parameters if p.ndim > 1]
        vectors = [p for p in parameters if p.ndim <= 1]
        groups = [
            {"params": matrices, "weight_decay": config.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(
            [g for g in groups if g["params"]], config.learning_rate, config.betas, fused=True
        )

    def step(self, rate: float) -> Tensor:
        """One update at learning rate `rate`; returns the gradient norm before clipping."""
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.clip)
        if torch.isfinite(norm):
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return norm


def _write_record(folder: Path, config: TrainConfig, budget: Budget, device: torch.device) -> None:
    record = {
        "config": asdict(replace(config)),
        "budget": vars(budget),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": torch.cuda.get_device_name()
        if device.type == "cuda"
        else f"cpu x{torch.get_num_threads()}",
        "started": time.strftime("%Y-%m-%d %H:%M:%S"),
    }
    (folder / "record.json").write_text(json.dumps(record, indent=1))
