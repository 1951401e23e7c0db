"""Stages 3 and 4: masked pre-training of the predictor, first alone, then with the CrossAttention."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ulbic.codec.index_modes import INDEX_MODES
from ulbic.codec.lattices import LATTICE_NAMES
from ulbic.codec.networks import TorchNetworks
from ulbic.models.config import WINDOW
from ulbic.models.entropy import FactorizedPrior

from .config import TrainConfig
from .continuous_stage import code_and_restore
from .distributed import own_rows, total, whole

LENGTH = WINDOW**2  # indices of a window
MASK_RATIO_MEAN, MASK_RATIO_STD, MASK_RATIO_MIN = 0.55, 0.25, 0.5  # HybridFlow suppl. §1.1; MAGE table 10
DROPPED = LENGTH // 2  # masked indices that the encoder is not shown (MAGE)


def mask_ratio(most: float = 1.0) -> float:
    """One draw of the truncated normal on [0.5, most]."""
    value = torch.nn.init.trunc_normal_(
        torch.empty(()), MASK_RATIO_MEAN, MASK_RATIO_STD, MASK_RATIO_MIN, most
    )
    return float(value)


def ratio_masks(batch: int, most: float = 1.0) -> Tensor:
    """(B, 16, 16) bool, true = masked, each at a random ratio of at most `most`: MAGE's own masks."""
    masks = torch.zeros(batch, LENGTH, dtype=torch.bool)
    for row in masks:
        count = min(math.ceil(LENGTH * mask_ratio(most)), int(LENGTH * most))
        row[torch.randperm(LENGTH)[:count]] = True
    return masks.view(batch, WINDOW, WINDOW)


def random_masks(batch: int) -> Tensor:
    """(B, 16, 16) bool, true = masked; half of the batch at a random ratio, half on a lattice.

    The lattices are what the codec meets; MAGE's random ratios keep the predictor able to fill any gap.
    """
    masks = torch.zeros(batch, LENGTH, dtype=torch.bool)
    for i in range(batch):
        if i % 2:
            masks[i] = ~received_by(LATTICE_NAMES[int(torch.randint(0, 5, ()))]).flatten()
        else:
            masks[i, torch.randperm(LENGTH)[: math.ceil(LENGTH * mask_ratio())]] = True
    return masks.view(batch, WINDOW, WINDOW)


def received_by(name: str) -> Tensor:
    """(16, 16) bool: the indices of a window that the index mode of that name sends."""
    return torch.from_numpy(np.ascontiguousarray(INDEX_MODES.named(name).training_mask(WINDOW, WINDOW)))


def kept_positions(masked: Tensor) -> Tensor:
    """(B, 257 - DROPPED) sorted positions that the encoder is shown: [C], all known, some masked."""
    noise = own_rows(torch.rand(whole(len(masked)), LENGTH, device=masked.device)) * masked.flatten(1)
    order = noise.argsort(dim=1)[:, : LENGTH - DROPPED] + 1
    kept = F.pad(order, (1, 0), value=0)
    return kept.sort(dim=1).values


def masked_loss(logits: Tensor, indices: Tensor, masked: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
    """Label-smoothed cross-entropy on the masked indices only, and the share that match; 0 of none."""
    target, hidden = indices.flatten(1), masked.flatten(1)
    wanted, guess = target[hidden], logits[hidden]
    loss = F.cross_entropy(guess.float(), wanted, label_smoothing=smoothing, reduction="sum")
    matches = (guess.argmax(dim=1) == wanted).float().sum()
    share = whole(1) / total(hidden.sum()).clamp(min=1)  # other processes may have more or fewer masked ones
    return loss * share, matches * share


def predictor_loss(
    networks: TorchNetworks, prior: FactorizedPrior, x: Tensor, config: TrainConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss of stage 3 (`continuous_dropout` 1: the tokens alone) or stage 4 (below 1)."""
    assisted = float(torch.rand(())) >= config.continuous_dropout
    with torch.no_grad():
        restored = code_and_restore(networks, prior, x) if assisted or networks.complements else None
    indices = networks.tokenise(x, restored.restoration if restored else None)
    masked = own_rows(random_masks(whole(len(x)))).to(x.device)
    assist = None
    if restored and assisted:
        assist = networks.assist(restored.coded.y_hat, restored.restoration)
    logits = networks.predict(indices, masked, assist, kept_positions(masked))
    loss, matching = masked_loss(logits, indices, masked, config.label_smoothing)
    return loss, {"matching": matching, "assisted": torch.tensor(float(assisted))}
