"""Rate, fidelity and perceptual terms."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ulbic.paths import use_perceptual_weights


def bits(likelihood: Tensor) -> Tensor:
    """Total bits a picture, (B,), of a tensor of likelihoods (B, ...)."""
    return -torch.log2(likelihood.float()).flatten(1).sum(dim=1)


def round_through(x: Tensor) -> Tensor:
    """Rounds, and passes the gradient straight through.

    The uniform-noise relaxation charges about 0.1 bit for a latent that is always zero; at these rates
    that is most of the file, so both rate and distortion see rounded values.
    """
    return x + (x.round() - x).detach()


def fidelity(x: Tensor, target: Tensor) -> Tensor:
    """L1 on RGB plus L1 on the two colour differences, (B,); colour alone would be learnt last."""
    error = x - target
    chroma = error[:, (0, 2)] - error[:, 1:2]
    return error.abs().flatten(1).mean(dim=1) + 0.5 * chroma.abs().flatten(1).mean(dim=1)


LPIPS_CROP = 192  # pixels a side: LPIPS is a mean over positions, and a part of them is enough a step


class PerceptualLoss(nn.Module):
    """LPIPS (Zhang 2018) on a randomly shifted and rescaled part, so that no fixed grid can please it."""

    def __init__(self, net: str = "squeeze") -> None:
        super().__init__()
        use_perceptual_weights()
        import lpips

        self.metric = lpips.LPIPS(net=net, verbose=False).requires_grad_(False).eval()
        self.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor, target: Tensor) -> Tensor:
        """(B,) distances of two (B, 3, H, W) in [0, 1]."""
        pair = torch.cat([x, target])
        top, left = (int(torch.randint(0, side - LPIPS_CROP + 1, ())) for side in x.shape[2:])
        pair = pair[:, :, top : top + LPIPS_CROP, left : left + LPIPS_CROP]
        if torch.rand(()) < 0.5:
            scale = float(torch.empty(()).uniform_(0.55, 1.2))
            pair = F.interpolate(pair, scale_factor=scale, mode="bilinear", antialias=scale < 1)
        a, b = (2 * pair - 1).chunk(2)
        return self.metric(a, b).flatten()
