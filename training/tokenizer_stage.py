"""Stage 2: the VQGAN tokenizer alone, L1 : LPIPS, with a codebook that stays in use."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ulbic.models.distortion import fidelity
from ulbic.models.tokenizer import Codebook, Tokenizer

from .config import TrainConfig
from .distributed import rows_of, total, whole
from .losses import PerceptualLoss


class CodebookKeeper(nn.Module):
    """Moves the codes by exponential averages of the features they stand for (van den Oord 2017, app. A),
    and restarts from a random feature every code that has gone unused: naive VQ collapsed to 5 of 1024.
    """

    count: Tensor
    total: Tensor

    def __init__(self, codebook: Codebook, decay: float = 0.97, trust: float = 0.0) -> None:
        """`trust`: how many features a batch the codes stand for at first; 0 has them begin anew."""
        super().__init__()
        codes = codebook.embedding.weight.detach()
        self.decay = decay
        self.register_buffer("count", torch.full((len(codes),), trust))
        self.register_buffer("total", trust * codes)

    @torch.no_grad()
    def update(self, codebook: Codebook, features: Tensor, indices: Tensor) -> None:
        """features (B, dim, h, w), indices (B, h, w) as `codebook.nearest` gave them."""
        flat = features.permute(0, 2, 3, 1).flatten(0, 2).float()
        index = indices.flatten()
        count = total(torch.bincount(index, minlength=len(self.count)).float())
        summed = total(torch.zeros_like(self.total).index_add_(0, index, flat))
        self.count.lerp_(count, 1 - self.decay)
        self.total.lerp_(summed, 1 - self.decay)
        dead = self.count < 0.01 * count.sum() / len(count)
        if dead.any():
            picks = torch.randint(whole(len(flat)), (int(dead.sum()),), device=flat.device)
            sample = rows_at(flat, picks)
            fresh = 0.1 * count.sum() / len(count)
            self.total[dead] = sample * fresh
            self.count[dead] = fresh
        codebook.embedding.weight.copy_(self.total / self.count[:, None])


def rows_at(features: Tensor, picks: Tensor) -> Tensor:
    """Rows `picks` of the features of all processes together, of which each has an equal part."""
    position = picks - rows_of(whole(len(features))).start
    here = (position >= 0) & (position < len(features))
    return total(features[position.clamp(0, len(features) - 1)] * here[:, None])


def quantise_through(codebook: Codebook, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Codes with the gradient passed straight to the features, the indices, and the commitment loss."""
    with torch.autocast(features.device.type, enabled=False):
        features = features.float()
        with torch.no_grad():
            indices = codebook.nearest(features)
            codes = codebook(indices)
        commitment = (features - codes).square().mean()
        return features + (codes - features).detach(), indices, commitment


def tokenizer_loss(
    tokenizer: Tokenizer,
    keeper: CodebookKeeper,
    perceptual: PerceptualLoss,
    x: Tensor,
    config: TrainConfig,
) -> tuple[Tensor, dict[str, Tensor]]:
    """8 L1 + LPIPS + commitment of the reconstruction from all indices."""
    features = tokenizer.features(x)
    codes, indices, commitment = quantise_through(tokenizer.quantize, features)
    keeper.update(tokenizer.quantize, features.detach(), indices)
    reconstruction = tokenizer.decoder(codes).float()
    distortion, distance = fidelity(reconstruction, x).mean(), perceptual(reconstruction, x).mean()
    loss = config.l1_weight * distortion + config.lpips_weight * distance + 0.25 * commitment
    used = torch.tensor(float(indices.unique().numel()))
    return loss, {"fidelity": distortion, "lpips": distance, "commitment": commitment, "codes": used}
