"""Stages 5 and 6: the dual-stream decoder on predicted maps, then all that paints with it.

The papers' tokenizer stays as it is, so that the predictor's targets stand still. One that complements the
restoration learns to say what that one does not, and stands still in the last third.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ulbic.codec.networks import TorchNetworks
from ulbic.models.config import WINDOW
from ulbic.models.model import UlbicModel

from .config import TrainConfig
from .continuous_stage import code_relaxed, random_gains, rate_weight
from .distributed import own_rows, whole
from .losses import PerceptualLoss, calm_mesh, fidelity, grain, squared_error, structure
from .predictor_stage import masked_loss, received_by
from .tokenizer_stage import CodebookKeeper, quantise_through

MODE_SHARES = {"0": 0.35, "1_16": 0.07, "1_8": 0.1, "1_4": 0.3, "1_2": 0.08, "1_1": 0.1}  # how often met


class JointParts(NamedTuple):
    """What the stage works with."""

    networks: TorchNetworks
    model: UlbicModel
    keeper: CodebookKeeper
    perceptual: PerceptualLoss


def joint_loss(
    parts: JointParts, x: Tensor, config: TrainConfig, progress: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """Rate, fidelity, structure, LPIPS, and the predictor's own loss, at random gains and index modes."""
    networks, batch, gains = parts.networks, x.shape[0], parts.networks.sizes.gains
    gain = random_gains(x, gains)
    with torch.set_grad_enabled(not config.frozen_stream):
        coded = code_relaxed(networks, parts.model.continuous.prior, x, gain)
        restoration = networks.restore(coded.y_hat, gain)
    correction = networks.correct(coded.y_hat, restoration)

    alone = own_rows(torch.rand(whole(batch), device=x.device)) < config.continuous_dropout
    told = restoration.detach() * ~alone[:, None, None, None]
    codes, indices, commitment = _tokenise(parts, x, told, settled=progress >= config.codes_settle)
    received = own_rows(_received(whole(batch))).to(x.device) | alone[:, None, None]
    teach = float(torch.rand(())) < config.prediction_share
    with torch.set_grad_enabled(teach):
        logits = networks.predict(indices, ~received, networks.assist(coded.y_hat, restoration))
    prediction, matching = masked_loss(logits, indices, ~received, config.label_smoothing)
    guess = logits.detach().argmax(dim=2).view_as(indices)

    completed = torch.where(received, indices, guess)
    codes = torch.where(received[:, None], codes, parts.model.tokenizer.quantize(completed))
    picture = _paint(networks, completed, received, correction, restoration, codes, alone).float()

    distortion, squared = fidelity(picture, x), squared_error(picture, x)
    distance = parts.perceptual(picture, x)
    shape = structure(picture, x)
    grid, mesh = grain(picture, x), calm_mesh(picture, x)
    own = fidelity(restoration.float(), x)
    rate = rate_weight(config, gain, gains) * coded.bpp * ~alone
    loss = (
        rate
        + config.l1_weight * (distortion + 0.25 * own)
        + config.squared_weight * squared
        + config.lpips_weight * distance
        + config.structure_weight * shape
        + config.grain_weight * grid
        + config.mesh_weight * mesh
    ).mean()
    loss = loss + 0.1 * prediction + 0.25 * commitment
    terms = {
        "bpp": coded.bpp.mean(),
        "fidelity": distortion.mean(),
        "psnr": -10 * squared.detach().log10().mean(),
        "lpips": distance.mean(),
        "structure": shape.mean(),
        "grain": grid.mean(),
        "mesh": mesh.mean(),
        "commitment": commitment,
        "codes": torch.tensor(float(indices.unique().numel())),
        "prediction": prediction,
        "matching": matching,
    }
    return loss, terms


def _tokenise(parts: JointParts, x: Tensor, told: Tensor, settled: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Codes (B, dim, 16, 16), indices, commitment loss; the first and last lead back while it learns."""
    tokenizer = parts.model.tokenizer
    learns = tokenizer.complements and not settled
    with torch.set_grad_enabled(learns):
        features = tokenizer.features(x, told)
        codes, indices, commitment = quantise_through(tokenizer.quantize, features)
    if learns:
        parts.keeper.update(tokenizer.quantize, features.detach(), indices)
    return codes, indices, commitment


def _received(batch: int) -> Tensor:
    """(B, 16, 16) bool, one index mode a sample."""
    names, shares = list(MODE_SHARES), torch.tensor(list(MODE_SHARES.values()))
    picks = torch.multinomial(shares, batch, replacement=True)
    return torch.stack([received_by(names[int(i)]) for i in picks]).view(batch, WINDOW, WINDOW)


def _paint(
    networks: TorchNetworks,
    indices: Tensor,
    received: Tensor,
    correction: Tensor,
    restoration: Tensor,
    codes: Tensor,
    alone: Tensor,
) -> Tensor:
    """The dual-stream picture, except for the samples `alone`, which get that of their tokens only."""
    both, tokens = (~alone).nonzero()[:, 0], alone.nonzero()[:, 0]
    parts = []
    if len(both):
        features = correction[both], restoration[both]
        parts.append(networks.paint(indices[both], received[both], *features, codes[both]))
    if len(tokens):
        parts.append(networks.paint(indices[tokens], received[tokens], None, None, codes[tokens]))
    order = torch.cat([both, tokens]).argsort()
    return torch.cat(parts)[order]
