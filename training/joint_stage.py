"""Stages 5 and 6: the dual-stream decoder on predicted maps, then everything but the tokenizer's encoder.

The tokenizer's encoder and codebook stay as they are, so that the predictor's targets stand still.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ulbic.codec.networks import Networks
from ulbic.models.config import WINDOW
from ulbic.models.entropy import FactorizedPrior

from .config import TrainConfig
from .continuous_stage import code_relaxed, random_gains, rate_weight
from .distributed import own_rows, whole
from .losses import PerceptualLoss, fidelity, grain, structure
from .predictor_stage import masked_loss, received_by

MODE_SHARES = {"0": 0.45, "1_16": 0.08, "1_8": 0.07, "1_4": 0.22, "1_2": 0.08, "1_1": 0.10}  # how often met


def joint_loss(
    networks: Networks, prior: FactorizedPrior, perceptual: PerceptualLoss, x: Tensor, config: TrainConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """Rate, fidelity, structure, LPIPS, and the predictor's own loss, at random gains and index modes."""
    batch, gains = x.shape[0], networks.sizes.gains
    gain = random_gains(x, gains)
    coded = code_relaxed(networks, prior, x, gain)
    restoration = networks.restore(coded.y_hat, gain)
    correction = networks.correct(coded.y_hat, restoration)

    alone = own_rows(torch.rand(whole(batch), device=x.device)) < config.continuous_dropout
    indices = networks.tokenise(x)
    received = own_rows(_received(whole(batch))).to(x.device) | alone[:, None, None]
    teach = float(torch.rand(())) < config.prediction_share
    with torch.set_grad_enabled(teach):
        logits = networks.predict(indices, ~received, networks.assist(coded.y_hat, restoration))
    prediction, matching = masked_loss(logits, indices, ~received, config.label_smoothing)
    guess = logits.detach().argmax(dim=2).view_as(indices)

    completed = torch.where(received, indices, guess)
    picture = _paint(networks, completed, received, correction, restoration, alone).float()

    distortion = fidelity(picture, x)
    distance = perceptual(picture, x)
    shape = structure(picture, x)
    grid = grain(picture, x)
    own = fidelity(restoration.float(), x)
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
    """(B, 16, 16) bool, one index mode a sample."""
    names, shares = list(MODE_SHARES), torch.tensor(list(MODE_SHARES.values()))
    picks = torch.multinomial(shares, batch, replacement=True)
    return torch.stack([received_by(names[int(i)]) for i in picks]).view(batch, WINDOW, WINDOW)


def _paint(
    networks: Networks,
    indices: Tensor,
    received: Tensor,
    correction: Tensor,
    restoration: Tensor,
    alone: Tensor,
) -> Tensor:
    """The dual-stream picture, except for the samples `alone`, which get that of their tokens only."""
    both, tokens = (~alone).nonzero()[:, 0], alone.nonzero()[:, 0]
    parts = []
    if len(both):
        parts.append(networks.paint(indices[both], received[both], correction[both], restoration[both]))
    if len(tokens):
        parts.append(networks.paint(indices[tokens], received[tokens], None, None))
    order = torch.cat([both, tokens]).argsort()
    return torch.cat(parts)[order]
