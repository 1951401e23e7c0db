"""Stage `ranking`: what each index is worth to the picture, for a model that stays as it is.

The target is the slope of the pixel loss, half-way from the guessed codes to the true ones, times the way
that an index goes. It costs a backward pass; the ranking learns to tell it from the pictures.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ulbic.codec.networks import TorchNetworks
from ulbic.errors import WeightsError
from ulbic.models.checkpoint import load_checkpoint
from ulbic.models.distortion import squared_error
from ulbic.models.model import UlbicModel
from ulbic.models.perceptual import lpips_network
from ulbic.models.ranking import Ranking, RankingConfig, RankingFile, save_ranking

from .config import TrainConfig
from .distributed import is_first, process_group, wait
from .loop import Budget
from .painting import Told, tell
from .recipes import Task
from .run import RunSetup, fit, flushed_denormals, start

NAME = "ranking"
CONFIG = TrainConfig(
    batch=4,
    learning_rate=2e-3,
    warmup=0.03,
    grad_clip=1.0,
    amp=False,
    squared_weight=100.0,
    lpips_weight=1.6,
    frozen_stream=True,
)
UNIT = 0.1  # of worth: about its deviation
MOST = 5.0  # units; few indices are worth more, and these few would be all that counts


@dataclass(frozen=True)
class Judge:
    """What the targets are made of."""

    model: UlbicModel
    networks: TorchNetworks
    lpips: torch.nn.Module

    @classmethod
    def of(cls, model: UlbicModel, net: str) -> Judge:
        """LPIPS with the backbone `net`."""
        return cls(model, TorchNetworks(model), lpips_network(net).to(next(model.parameters()).device))


def worth(judge: Judge, x: Tensor, told: Told, guess: Tensor, indices: Tensor, config: TrainConfig) -> Tensor:
    """(B, h, w): by how much the loss of one index's pixels falls, to first order, where it is sent.

    Args:
        x: (B, 3, 16 h, 16 w) in [0, 1]; guess, indices: (B, h, w) int64, predicted and true.
    """
    networks, quantize = judge.networks, judge.model.tokenizer.quantize
    before, after = quantize(guess), quantize(indices)
    codes = torch.lerp(before, after, 0.5).requires_grad_(True)
    received = torch.full(indices.shape, 0.5, device=x.device, requires_grad=True)
    correction = networks.correct(told.y_hat, told.restoration)
    picture = networks.paint(indices, received, correction, told.restoration, codes).float().clamp(0, 1)
    distance = judge.lpips(2 * picture - 1, 2 * x - 1).sum()
    loss = config.lpips_weight * distance + config.squared_weight * squared_error(picture, x).sum()
    by_codes, by_received = torch.autograd.grad(loss, (codes, received))
    return -((by_codes * (after - before)).sum(dim=1) + by_received) * indices[0].numel()


def ranking_loss(
    judge: Judge, ranking: Ranking, x: Tensor, config: TrainConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """Squared error of the worth; `captured` is what the best eighth is worth, of the most it could be."""
    networks = judge.networks
    with torch.no_grad():
        told = tell(networks, judge.model.continuous.prior, x, config)
        indices = networks.tokenise(x)
        every = torch.ones_like(indices, dtype=torch.bool)
        logits = networks.predict(indices, every, networks.assist(told.y_hat, told.restoration))
        guess = logits.argmax(dim=2).view_as(indices)
        correction = networks.correct(told.y_hat, told.restoration)
        guessed = networks.paint(guess, ~every, correction, told.restoration)
        exact = networks.paint(indices, every, correction, told.restoration)
    target = worth(judge, x, told, guess, indices, config).detach()
    ranked = ranking(x, guessed, exact)
    loss = (ranked - (target / UNIT).clamp(-MOST, MOST)).square().mean()
    with torch.no_grad():
        own, most = _best_eighth(target, ranked), _best_eighth(target, target)
    return loss, {"captured": own / most.clamp(min=1e-6), "most": most}


def _best_eighth(target: Tensor, ranked: Tensor) -> Tensor:
    """What the indices of the highest rank are worth, a picture."""
    best = ranked.flatten(1).topk(ranked[0].numel() // 8, dim=1).indices
    return target.flatten(1).gather(1, best).sum(dim=1).mean()


def bind_ranking(model: UlbicModel, ranking: Ranking, config: TrainConfig) -> Task:
    """The ranking alone is state: the model, in eval mode, only stands before it."""
    judge = Judge.of(model.eval().requires_grad_(False), config.lpips_net)
    return Task(ranking, list(ranking.parameters()), lambda x, _: ranking_loss(judge, ranking, x, config))


def train_ranking(init: Path | None, budget: Budget, setup: RunSetup) -> Path:
    """Trains for the model in `init`, resuming what `setup.output` holds; returns the path of the file.

    Raises:
        WeightsError: there is no `init`, or it cannot be used. Else as `run_stage`.
    """
    if init is None:
        raise WeightsError("the stage ranking needs the weights of a model: --init")
    folder, config = setup.output / NAME, setup.adapted(CONFIG)
    with process_group(setup.device) as device, flushed_denormals(device):
        setup = replace(setup, device=device)
        store = start(config, setup)
        checkpoint = load_checkpoint(init)
        ranking = Ranking(RankingConfig()).to(memory_format=torch.channels_last)
        fit(bind_ranking(checkpoint.model.to(device), ranking, config), config, budget, setup, store, folder)
        path = folder / "ranking.safetensors"
        if is_first():
            save_ranking(path, RankingFile(ranking.cpu(), checkpoint.digest))
        wait()
    return path
