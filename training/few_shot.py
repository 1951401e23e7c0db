"""Few-shot transfer (MAGE suppl. section 1.2): a linear classifier from a few pictures of every class.

The paper names the numbers of pictures and no more. Here features are normalised by the few pictures' own
means and deviations, and the classifier is logistic regression with an L2 penalty, the mean of several draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .classes import ClassSet
from .features import Extractor, centre_features, labels_of
from .judgement import Judgement


@dataclass(frozen=True, kw_only=True)
class FewShotConfig:
    """Which draws are made."""

    shots: tuple[int, ...] = (1, 5, 10, 25)  # pictures of a class
    draws: int = 5
    penalty: float = 0.01  # times half the sum of the squared weights
    seed: int = 0


class FewShot(NamedTuple):
    """Of one number of pictures."""

    shots: int
    mean: float  # top-1
    deviation: float  # over the draws
    judgement: Judgement  # of all draws together


def few_shot(
    extractor: Extractor, classes: ClassSet, config: FewShotConfig, device: str, workers: int = 1
) -> list[FewShot]:
    """Learns from draws of the training pictures and judges all held-out ones.

    A class with fewer training pictures than shots gives what it has.
    """
    training = centre_features(extractor, classes.training, device, workers)
    held_out = centre_features(extractor, classes.held_out, device, workers)
    labels, truth = labels_of(classes.training), labels_of(classes.held_out)
    results = []
    for shots in config.shots:
        judged = []
        for draw in range(config.draws):
            generator = torch.Generator().manual_seed(1000 * config.seed + draw)
            rows = _draw(labels, len(classes.names), shots, generator)
            guesses = classify(training[rows], labels[rows], held_out, len(classes.names), config.penalty)
            judged.append(Judgement.of(classes.names, truth, guesses))
        scores = torch.tensor([judgement.top1 for judgement in judged])
        together = Judgement(classes.names, sum(j.confusion for j in judged))  # type: ignore[arg-type]
        results.append(FewShot(shots, float(scores.mean()), float(scores.std(correction=0)), together))
    return results


def _draw(labels: Tensor, classes: int, shots: int, generator: torch.Generator) -> Tensor:
    rows = []
    for label in range(classes):
        own = (labels == label).nonzero()[:, 0]
        rows.append(own[torch.randperm(len(own), generator=generator)[:shots]])
    return torch.cat(rows)


def classify(training: Tensor, labels: Tensor, features: Tensor, classes: int, penalty: float) -> Tensor:
    """Labels (m,) of features (m, width), by logistic regression on (n, width) with labels (n,)."""
    mean, deviation = training.mean(dim=0), (training.var(dim=0, correction=0) + 1e-6).sqrt()
    training, features = ((x - mean) / deviation for x in (training, features))
    weight = torch.zeros(classes, training.shape[1], requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")

    def cost() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(F.linear(training, weight, bias), labels)
        loss = loss + 0.5 * penalty * weight.square().sum()
        loss.backward()
        return loss

    with torch.enable_grad():
        optimizer.step(cost)
    return F.linear(features, weight, bias).argmax(dim=1)
