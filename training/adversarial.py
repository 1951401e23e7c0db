"""The patch discriminator of VQGAN (Esser 2021, §3.1; PatchGAN, Isola 2017), for the first stages."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call


class PatchDiscriminator(nn.Module):
    """Three strided layers from 64 channels on: (B, 3, H, W) in [-1, 1] to an opinion a patch, real > 0."""

    def __init__(self, channels: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, channels, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        widths = [channels, 2 * channels, 4 * channels, 8 * channels]
        for inputs, outputs, stride in zip(widths, widths[1:], (2, 2, 1), strict=False):
            layers += [
                nn.Conv2d(inputs, outputs, 4, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.LeakyReLU(0.2),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[-1], 1, 4, padding=1))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, 0.0, 0.02)
            elif isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.weight, 1.0, 0.02)

    def forward(self, picture: Tensor) -> Tensor:
        return self.layers(picture)


def hinge_loss(discriminator: PatchDiscriminator, real: Tensor, made: Tensor) -> Tensor:
    """What the discriminator minimises; no gradient reaches `made`."""
    return (F.relu(1 - discriminator(real)).mean() + F.relu(1 + discriminator(made.detach())).mean()) / 2


def opinion_loss(discriminator: PatchDiscriminator, made: Tensor) -> Tensor:
    """What the decoder minimises; no gradient reaches the discriminator."""
    frozen = {name: value.detach() for name, value in discriminator.named_parameters()}
    return -functional_call(discriminator, frozen, (made,)).mean()


def adaptive_weight(fidelity: Tensor, opinion: Tensor, last: Tensor) -> Tensor:
    """Ratio of the gradient norms at the decoder's `last` weight, 0 to 1e4, without gradient."""
    norms = [torch.autograd.grad(loss, last, retain_graph=True)[0].norm() for loss in (fidelity, opinion)]
    return (norms[0] / (norms[1] + 1e-4)).clamp(0.0, 1e4).detach()
