"""The one training loop: autocast, clipping, warm-up and cosine, averaged weights, resume, run record."""

from __future__ import annotations

import json
import math
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ulbic.models.precision import fast_bfloat16

from .config import TrainConfig
from .distributed import Loss, is_first, mean_terms, of_first, parallel, processes, wait


class Budget:
    """How long a run lasts: so many steps, or so many seconds of training, whichever is given."""

    def __init__(self, steps: int | None, seconds: float | None) -> None:
        if (steps is None) == (seconds is None):
            raise ValueError("give either steps or seconds")
        self.steps, self.seconds = steps, seconds

    def now(self) -> float:
        """Seconds on the clock that the run is timed with."""
        return time.monotonic()

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


class ClippedAdamW:
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


class Curves:
    """Means of what the loss reports, one JSON line every `every` steps."""

    def __init__(self, path: Path, every: int) -> None:
        self._path, self._every = path, every
        self._sums: dict[str, float] = {}
        self._count = 0

    def add(self, step: int, seconds: float, terms: dict[str, Tensor], last: bool) -> None:
        """Notes one step; writes a line when it is due."""
        for key, term in terms.items():
            self._sums[key] = self._sums.get(key, 0.0) + float(term.detach())
        self._count += 1
        if step % self._every == 0 or last:
            means = {key: round(total / self._count, 5) for key, total in self._sums.items()}
            with open(self._path, "a") as log:
                log.write(json.dumps({"step": step, "seconds": round(seconds, 1), **means}) + "\n")
            self._sums, self._count = {}, 0


class Progress:
    """All that must be kept to go on exactly where a run was broken off."""

    def __init__(self, path: Path, model: nn.Module, optimizer: ClippedAdamW, averaged: Averaged) -> None:
        self._path, self._model, self._optimizer, self._averaged = path, model, optimizer, averaged
        self.step, self.seconds = 0, 0.0

    def save(self) -> None:
        state = {
            "model": self._model.state_dict(),
            "optimizer": self._optimizer.optimizer.state_dict(),
            "averaged": self._averaged.values,
            "step": self.step,
            "elapsed": self.seconds,
            "rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
        }
        temporary = self._path.with_suffix(".tmp")
        torch.save(state, temporary)
        os.replace(temporary, self._path)

    def load(self, device: torch.device) -> None:
        """Does nothing where there is nothing saved."""
        if not self._path.exists():
            return
        state = torch.load(self._path, map_location=device, weights_only=True)
        self._model.load_state_dict(state["model"])
        self._optimizer.optimizer.load_state_dict(state["optimizer"])
        self._averaged.values = state["averaged"]
        self.step, self.seconds = state["step"], state["elapsed"]
        torch.set_rng_state(state["rng"].cpu())
        if torch.cuda.is_available() and state.get("cuda_rng") is not None:
            torch.cuda.set_rng_state(state["cuda_rng"].cpu())


def train(
    model: nn.Module,
    parameters: list[nn.Parameter],
    loss: Loss,
    batches: Callable[[int], Iterator[Any]],
    config: TrainConfig,
    budget: Budget,
    folder: Path,
    save_every: float = 180.0,
    log_every: int = 25,
) -> None:
    """Trains `parameters` of `model` in place and leaves the averaged weights in it.

    Args:
        loss: (crops (B, 3, H, W) in [0, 1], or another batch; progress) to (scalar, values to log).
        batches: given the number of steps done before, an endless iterator of crops, or of what has a `to`
            like theirs; under torchrun this process's share of them.
        folder: receives `state.pt` (to resume from), `log.jsonl` (curves) and `record.json`.
        save_every: seconds between two checkpoints.
        log_every: steps that a line of `log.jsonl` is the mean of.
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = parameters[0].device
    optimizer = ClippedAdamW(parameters, config)
    averaged = Averaged(model, config.ema)
    state = Progress(folder / "state.pt", model, optimizer, averaged)
    state.load(device)
    curves = Curves(folder / "log.jsonl", log_every)
    if is_first():
        _write_record(folder, config, budget, device)

    source, step_loss = batches(state.step), parallel(model, loss)
    saved = time.monotonic()
    started = budget.now() - state.seconds
    progress = budget.progress(state.step, state.seconds)
    model.train()
    mixed = config.amp and fast_bfloat16(device.type)
    while progress < 1:
        x = next(source).to(device, non_blocking=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
            value, terms = step_loss(x, progress)
        value.backward()
        norm = optimizer.step(learning_rate(config, progress))
        averaged.update(model, state.step)
        state.step += 1
        state.seconds = of_first(budget.now() - started)
        progress = budget.progress(state.step, state.seconds)
        terms = mean_terms({"loss": value, "grad": norm, **terms})
        if is_first():
            curves.add(state.step, state.seconds, terms, last=progress >= 1)
            if time.monotonic() - saved > save_every:
                state.save()
                saved = time.monotonic()
    if is_first():
        state.save()
    wait()
    model.load_state_dict(averaged.values)
    model.eval()


def _write_record(folder: Path, config: TrainConfig, budget: Budget, device: torch.device) -> None:
    record = {
        "config": asdict(config),
        "budget": vars(budget),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": torch.cuda.get_device_name()
        if device.type == "cuda"
        else f"cpu x{torch.get_num_threads()}",
        "processes": processes(),
        "started": time.strftime("%Y-%m-%d %H:%M:%S"),
    }
    (folder / "record.json").write_text(json.dumps(record, indent=1))
