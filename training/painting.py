"""What the stages share that train the pixel decoder: what it is told, and what its pictures are worth."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from ulbic.codec.networks import TorchNetworks
from ulbic.models.config import WINDOW
from ulbic.models.distortion import fidelity, squared_error, structure
from ulbic.models.entropy import FactorizedPrior

from .config import TrainConfig
from .continuous_stage import code_and_restore, rate_weight
from .distributed import own_rows, whole
from .losses import PerceptualLoss, calm_mesh, grain
from .predictor_stage import received_by

MODE_SHARES = {"0": 0.35, "1_16": 0.07, "1_8": 0.1, "1_4": 0.3, "1_2": 0.08, "1_1": 0.1}  # how often met


class Told(NamedTuple):
    """What the continuous stream says of a batch."""

    gain: Tensor  # (B,) int64
    y_hat: Tensor  # (B, latents, h, w)
    bpp: Tensor  # (B,)
    restoration: Tensor  # (B, 3, H, W)
    alone: Tensor  # (B,) bool: samples whose tokens must do without it


def tell(networks: TorchNetworks, prior: FactorizedPrior, x: Tensor, config: TrainConfig) -> Told:
    """Codes pictures (B, 3, H, W) at random gains."""
    with torch.set_grad_enabled(not config.frozen_stream):
        gain, coded, restoration = code_and_restore(networks, prior, x)
    alone = own_rows(torch.rand(whole(len(x)), device=x.device)) < config.continuous_dropout
    return Told(gain, coded.y_hat, coded.bpp, restoration, alone)


def known_to(told: Told) -> Tensor:
    """The restorations as a tokenizer that complements them is shown them; zeros where they do not count."""
    return told.restoration.detach() * ~told.alone[:, None, None, None]


def random_received(told: Told) -> Tensor:
    """(B, 16, 16) bool: one index mode a sample, and all indices where they are all there is."""
    names, shares = list(MODE_SHARES), torch.tensor(list(MODE_SHARES.values()))
    picks = torch.multinomial(shares, whole(len(told.alone)), replacement=True)
    modes = torch.stack([received_by(names[int(i)]) for i in picks]).view(-1, WINDOW, WINDOW)
    return own_rows(modes).to(told.alone.device) | told.alone[:, None, None]


def paint(networks: TorchNetworks, told: Told, codes: Tensor, indices: Tensor, received: Tensor) -> Tensor:
    """The dual-stream pictures, and of the samples `alone` those of their tokens; float32."""
    correction = networks.correct(told.y_hat, told.restoration)
    both, tokens = (~told.alone).nonzero()[:, 0], told.alone.nonzero()[:, 0]
    parts = []
    if len(both):
        features = correction[both], told.restoration[both]
        parts.append(networks.paint(indices[both], received[both], *features, codes[both]))
    if len(tokens):
        parts.append(networks.paint(indices[tokens], received[tokens], None, None, codes[tokens]))
    return torch.cat(parts)[torch.cat([both, tokens]).argsort()].float()


def picture_loss(
    picture: Tensor, x: Tensor, told: Told, perceptual: PerceptualLoss, config: TrainConfig, gains: int
) -> tuple[Tensor, dict[str, Tensor]]:
    """Rate, fidelity, structure, LPIPS, grain and mesh of pictures of x (B, 3, H, W)."""
    distortion, squared = fidelity(picture, x), squared_error(picture, x)
    distance, shape = perceptual(picture, x), structure(picture, x)
    grid, mesh = grain(picture, x), calm_mesh(picture, x)
    own = fidelity(told.restoration.float(), x)
    loss = (
        rate_weight(config, told.gain, gains) * told.bpp * ~told.alone
        + config.l1_weight * (distortion + 0.25 * own)
        + config.squared_weight * squared
        + config.lpips_weight * distance
        + config.structure_weight * shape
        + config.grain_weight * grid
        + config.mesh_weight * mesh
    )
    terms = {
        "bpp": told.bpp.mean(),
        "fidelity": distortion.mean(),
        "psnr": -10 * squared.detach().log10().mean(),
        "lpips": distance.mean(),
        "structure": shape.mean(),
        "grain": grid.mean(),
        "mesh": mesh.mean(),
    }
    return loss.mean(), terms
