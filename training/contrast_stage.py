"""Stage `mage-c`: masked pre-training with a contrastive loss between two views of a picture (MAGE-C)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ulbic.errors import UlbicError
from ulbic.models.contrast import ContrastHead
from ulbic.models.model import UlbicModel

from .config import TrainConfig
from .distributed import of_all, own_rows, whole
from .predictor_stage import kept_positions, masked_loss, ratio_masks


def mage_c_loss(
    model: UlbicModel, head: ContrastHead, x: Tensor, config: TrainConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross-entropy on the masked indices plus lambda times the contrastive loss (MAGE suppl. table 10).

    Rows 2 i and 2 i + 1 of x (B, 3, 256, 256) are two views of one picture (`view_pairs`).

    Raises:
        UlbicError: a pair is torn apart.
    """
    if len(x) % 2:
        raise UlbicError(f"{len(x)} views are not pairs: choose --batch")
    indices = model.tokenizer.indices(x)
    masked = own_rows(ratio_masks(whole(len(x)), config.mask_ratio_max)).to(x.device)
    kept = kept_positions(masked)
    encoded = model.predictor.encode(indices, masked, kept)
    logits = model.predictor.decode(encoded, masked, None, kept)
    prediction, matching = masked_loss(logits, indices, masked, config.label_smoothing)
    contrast, pairs_found = contrastive_loss(head(encoded), config.temperature)
    loss = prediction + config.contrast_weight * contrast
    terms = {"prediction": prediction, "matching": matching, "contrast": contrast, "pairs": pairs_found}
    return loss, terms


def contrastive_loss(vectors: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """SimCLR's NT-Xent (Chen 2020) over the views of all processes, and the share of pairs that are nearest.

    Args:
        vectors: (B, n) of length 1; rows 2 i and 2 i + 1 belong together, all others apart.
    """
    with torch.autocast(vectors.device.type, enabled=False):
        everyone = of_all(vectors.float())
        similarity = everyone @ everyone.T / temperature
    itself = torch.eye(len(everyone), dtype=torch.bool, device=vectors.device)
    similarity = similarity.masked_fill(itself, -torch.inf)
    partner = torch.arange(len(everyone), device=vectors.device) ^ 1
    found = (similarity.argmax(dim=1) == partner).float().mean()
    return F.cross_entropy(similarity, partner), found
