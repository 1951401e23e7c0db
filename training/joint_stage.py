"""Stages 5 and 6: the dual-stream decoder on predicted maps, then all that paints with it.

The tokenizer's encoder and codes stay as they are, so that the predictor's targets stand still.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ulbic.codec.networks import TorchNetworks
from ulbic.models.model import UlbicModel

from .config import TrainConfig
from .losses import PerceptualLoss
from .painting import known_to, paint, picture_loss, random_received, tell
from .predictor_stage import masked_loss
from .tokenizer_stage import CodebookKeeper, quantise_through


class PainterParts(NamedTuple):
    """What these stages work with."""

    networks: TorchNetworks
    model: UlbicModel
    perceptual: PerceptualLoss


def joint_loss(parts: PainterParts, x: Tensor, config: TrainConfig) -> tuple[Tensor, dict[str, Tensor]]:
    """That of the pictures and the predictor's own, at random gains and index modes."""
    networks, quantize = parts.networks, parts.model.tokenizer.quantize
    told = tell(networks, parts.model.continuous.prior, x, config)
    indices, received = networks.tokenise(x, known_to(told)), random_received(told)
    with torch.set_grad_enabled(float(torch.rand(())) < config.prediction_share):
        logits = networks.predict(indices, ~received, networks.assist(told.y_hat, told.restoration))
    prediction, matching = masked_loss(logits, indices, ~received, config.label_smoothing)
    guess = logits.detach().argmax(dim=2).view_as(indices)
    completed = torch.where(received, indices, guess)
    picture = paint(networks, told, quantize(completed), completed, received)
    loss, terms = picture_loss(picture, x, told, parts.perceptual, config, networks.sizes.gains)
    return loss + 0.1 * prediction, {**terms, "prediction": prediction, "matching": matching}


def codes_loss(
    parts: PainterParts, keeper: CodebookKeeper, x: Tensor, config: TrainConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """That of the pictures, whose indices learn to say what the restoration does not.

    The predictor has no part in it, as its targets move: where no index was received, there is no code. It
    is to be trained anew afterwards.
    """
    networks, tokenizer = parts.networks, parts.model.tokenizer
    told = tell(networks, parts.model.continuous.prior, x, config)
    features = tokenizer.features(x, known_to(told))
    codes, indices, commitment = quantise_through(tokenizer.quantize, features)
    keeper.update(tokenizer.quantize, features.detach(), indices)
    received = random_received(told)
    picture = paint(networks, told, codes * received[:, None], indices, received)
    loss, terms = picture_loss(picture, x, told, parts.perceptual, config, networks.sizes.gains)
    used = torch.tensor(float(indices.unique().numel()))
    return loss + 0.25 * commitment, {**terms, "commitment": commitment, "codes": used}
