"""Stages 5 and 6: the dual-stream decoder on predicted maps, then everything but the tokenizer's encoder.

The tokenizer's encoder and codebook stay as they are, so that the predictor's targets stand still.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ulbic.codec.schedule import SCHEDULES
from ulbic.models.bridge import BridgeFeatures
from ulbic.models.config import WINDOW
from ulbic.models.model import UlbicModel

from .config import TrainConfig
from .continuous_stage import code_relaxed, random_gains, rate_weight, restored
from .distributed import own_rows, whole
from .losses import PerceptualLoss, fidelity, grain, structure
from .predictor_stage import lattice, masked_loss

SCHEDULE_SHARES = (0.45, 0.08, 0.07, 0.22, 0.08, 0.10)  # how often each of SCHEDULES is met


def joint_loss(
    model: UlbicModel, perceptual: PerceptualLoss, x: Tensor, config: TrainConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """Rate, fidelity, structure, LPIPS, and the predictor's own loss, at random gains and schedules."""
    batch, gains = x.shape[0], model.config.continuous.gains
    gain = random_gains(x, gains)
    coded = code_relaxed(model.continuous, x, gain)
    restoration = model.restore(coded.y_hat, gain)
    features = model.bridge(coded.y_hat, restoration)

    alone = own_rows(torch.rand(whole(batch), device=x.device)) < config.continuous_dropout
    indices = model.tokenizer.indices(x)
    received = own_rows(_received(whole(batch))).to(x.device) | alone[:, None, None]
    teach = float(torch.rand(())) < config.prediction_share
    with torch.set_grad_enabled(teach):
        logits = model.predictor(indices, ~received, features.assist)
    prediction, matching = masked_loss(logits, indices, ~received, config.label_smoothing)
    guess = logits.detach().argmax(dim=2).view_as(indices)

    completed = torch.where(received, indices, guess)
    picture = _paint(model, completed, received, features, restoration, alone).float()

    distortion = fidelity(picture, x)
    distance = perceptual(picture, x)
    shape = structure(picture, x)
    grid = grain(picture, x)
    own = fidelity(coded.restoration.float(), restored(model.continuous, x))
    rate = rate_weight(config, gain, gains) * coded.bpp * ~alone
    loss = (
        rate
        + config.l1_weight * (distortion + 0.25 * own)
        + config.lpips_weight * distance
        + config.structure_weight * shape
        + config.grain_weight * grid
    ).mean() + 0.1 * prediction
    terms = {
        "bpp": coded.bpp.mean(),
        "fidelity": distortion.mean(),
        "lpips": distance.mean(),
        "structure": shape.mean(),
        "grain": grid.mean(),
        "prediction": prediction,
        "matching": matching,
    }
    return loss, terms


def _received(batch: int) -> Tensor:
    """(B, 16, 16) bool, one schedule a sample."""
    picks = torch.multinomial(torch.tensor(SCHEDULE_SHARES), batch, replacement=True)
    return torch.stack([lattice(SCHEDULES[int(i)]) for i in picks]).view(batch, WINDOW, WINDOW)


def _paint(
    model: UlbicModel,
    indices: Tensor,
    received: Tensor,
    features: BridgeFeatures,
    restoration: Tensor,
    alone: Tensor,
) -> Tensor:
    """The dual-stream picture, but for the samples `alone`, which get that of their tokens only."""
    both, tokens = (~alone).nonzero()[:, 0], alone.nonzero()[:, 0]
    parts = []
    if len(both):
        correction = features.correction[both]
        parts.append(model.paint(indices[both], received[both], correction, restoration[both]))
    if len(tokens):
        parts.append(model.paint(indices[tokens], received[tokens], None, None))
    order = torch.cat([both, tokens]).argsort()
    return torch.cat(parts)[order]
