"""Linear probing (MAGE suppl. table 11): a linear layer, learnt with LARS, on features that stay."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ulbic.errors import InputError

from .classes import ClassSet
from .features import Extractor, centre_features, labels_of, view_features
from .judgement import Judgement
from .lars import Lars

FEWEST = 10  # training pictures to choose a rate by


@dataclass(frozen=True, kw_only=True)
class ProbeConfig:
    """MAGE suppl. table 11 for ViT-B (ViT-L has a base rate of 0.05); what it leaves open is as in MAE."""

    epochs: int = 90
    batch: int = 4096
    base_rates: tuple[float, ...] = (0.1,)  # for a batch of 256, in proportion to it; see `probe`
    warmup: int = 10  # epochs
    momentum: float = 0.9
    weight_decay: float = 0.0
    smallest_view: float = 0.08  # share of the area, of RandomResizedCrop
    views: int = (
        0  # of every picture, computed once and met in turn; 0: new ones every epoch, as in the paper
    )
    seed: int = 0


class LinearProbe(nn.Sequential):
    """Batch norm without weights, then a linear layer: (B, width) to logits (B, classes)."""

    def __init__(self, width: int, classes: int) -> None:
        linear = nn.Linear(width, classes)
        nn.init.trunc_normal_(linear.weight, std=0.01)
        nn.init.zeros_(linear.bias)
        super().__init__(nn.BatchNorm1d(width, eps=1e-6, affine=False), linear)


class Probed(NamedTuple):
    """What the held-out pictures were taken for, and the base rate that the probe learnt at."""

    judgement: Judgement
    rate: float


def probe(
    extractor: Extractor, classes: ClassSet, config: ProbeConfig, device: str, workers: int = 1
) -> Probed:
    """Learns from the training pictures and judges the held-out ones.

    Of several rates it takes the one that does best on a fifth of the training pictures, which are kept back
    until it is found; of equal ones the first.

    Raises:
        InputError: too few training pictures to choose a rate by.
    """
    labels, sizes = labels_of(classes.training), (extractor.width, len(classes.names))
    given: list[Tensor] = []

    def features(epoch: int) -> Tensor:
        turn = epoch % config.views if config.views else epoch
        if turn < len(given):
            return given[turn]
        made = view_features(
            extractor, classes.training, device, (config.seed, turn), config.smallest_view, workers
        )
        if config.views:
            given.append(made)
        return made

    rate = config.base_rates[0]
    if len(config.base_rates) > 1:
        if len(labels) < FEWEST:
            raise InputError(f"{len(labels)} training pictures are too few to choose a rate by")
        order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(config.seed))
        back, learnt = order[: len(order) // 5], order[len(order) // 5 :]
        kept = centre_features(extractor, [classes.training[i] for i in back], device, workers)

        def right(rate: float) -> int:
            network = learn(lambda epoch: features(epoch)[learnt], labels[learnt], sizes, rate, config)
            return int((guess(network, kept) == labels[back]).sum())

        rate = max(config.base_rates, key=right)
    network = learn(features, labels, sizes, rate, config)
    guesses = guess(network, centre_features(extractor, classes.held_out, device, workers))
    return Probed(Judgement.of(classes.names, labels_of(classes.held_out), guesses), rate)


def learn(
    features: Callable[[int], Tensor],
    labels: Tensor,
    sizes: tuple[int, int],
    base_rate: float,
    config: ProbeConfig,
) -> LinearProbe:
    """A probe of the features (n, width) of every epoch, whose labels are (n,); in eval mode.

    Args:
        sizes: width, number of classes.
    """
    torch.manual_seed(config.seed)
    network = LinearProbe(*sizes)
    batch = min(config.batch, len(labels))
    optimizer = Lars(network.parameters(), 0.0, config.momentum, config.weight_decay)
    steps = max(1, len(labels) // batch)  # an epoch; what is left over waits for the next one
    for epoch in range(config.epochs):
        shown, order = features(epoch), torch.randperm(len(labels))
        for step in range(steps):
            share = schedule(epoch + step / steps, config.warmup, config.epochs)
            for group in optimizer.param_groups:
                group["lr"] = base_rate * batch / 256 * share
            rows = order[step * batch : (step + 1) * batch]
            optimizer.zero_grad()
            F.cross_entropy(network(shown[rows]), labels[rows]).backward()
            optimizer.step()
    return network.eval()


@torch.no_grad()
def guess(network: LinearProbe, features: Tensor) -> Tensor:
    """(n,) labels of features (n, width)."""
    return network(features).argmax(dim=1)


def schedule(epoch: float, warmup: float, epochs: float) -> float:
    """Share of the full rate at a time: a linear warm-up, then half a cosine down to 0."""
    if epoch < warmup:
        return epoch / warmup
    return 0.5 * (1 + math.cos(math.pi * (epoch - warmup) / max(epochs - warmup, 1e-9)))
