"""Linear probing (MAGE suppl. table 11): a linear layer, learnt with LARS, on features that stay."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .classes import ClassSet
from .features import Extractor, centre_features, labels_of, view_features
from .judgement import Judgement
from .lars import Lars


@dataclass(frozen=True, kw_only=True)
class ProbeConfig:
    """MAGE suppl. table 11 for ViT-B (ViT-L has a base rate of 0.05); what it leaves open is as in MAE."""

    epochs: int = 90
    batch: int = 4096
    base_rate: float = 0.1  # for a batch of 256, in proportion to the batch
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


def probe(
    extractor: Extractor, classes: ClassSet, config: ProbeConfig, device: str, workers: int = 1
) -> Judgement:
    """Learns from the training pictures and judges the held-out ones."""
    labels = labels_of(classes.training)
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

    torch.manual_seed(config.seed)
    network = LinearProbe(extractor.width, len(classes.names))
    batch = min(config.batch, len(labels))
    optimizer = Lars(network.parameters(), 0.0, config.momentum, config.weight_decay)
    steps = max(1, len(labels) // batch)  # an epoch; what is left over waits for the next one
    for epoch in range(config.epochs):
        shown, order = features(epoch), torch.randperm(len(labels))
        for step in range(steps):
            rate = (
                config.base_rate * batch / 256 * schedule(epoch + step / steps, config.warmup, config.epochs)
            )
            for group in optimizer.param_groups:
                group["lr"] = rate
            rows = order[step * batch : (step + 1) * batch]
            optimizer.zero_grad()
            F.cross_entropy(network(shown[rows]), labels[rows]).backward()
            optimizer.step()
    network.eval()
    with torch.no_grad():
        guesses = network(centre_features(extractor, classes.held_out, device, workers)).argmax(dim=1)
    return Judgement.of(classes.names, labels_of(classes.held_out), guesses)


def schedule(epoch: float, warmup: float, epochs: float) -> float:
    """Share of the full rate at a time: a linear warm-up, then half a cosine down to 0."""
    if epoch < warmup:
        return epoch / warmup
    return 0.5 * (1 + math.cos(math.pi * (epoch - warmup) / max(epochs - warmup, 1e-9)))
