"""What is measured on the training pictures before the first step: the block transform and its statistics."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ulbic.models.continuous import BLOCK, ContinuousStream, SliceContext
from ulbic.models.entropy import FactorizedPrior
from ulbic.models.layers import zero
from ulbic.models.model import reduce


@torch.no_grad()
def fit_block_transform(stream: ContinuousStream, crops: Iterator[Tensor], blocks: int = 50_000) -> None:
    """Principal components of the blocks as the basis; transforms start as no correction of it, and the
    context model with the deviation of every component.
    """
    assert stream.blocks is not None
    found: list[Tensor] = []
    while sum(map(len, found)) < blocks:
        small = reduce(next(crops)).contiguous()
        found.append(F.unfold(small, BLOCK, stride=BLOCK).transpose(1, 2).flatten(0, 1))
    samples = torch.cat(found)
    mean = samples.view(-1, 3, BLOCK**2).mean(dim=(0, 2))
    centred = samples - mean.repeat_interleave(BLOCK**2)
    _, values, basis = torch.linalg.svd(centred, full_matrices=False)
    latents = len(stream.blocks.basis)
    stream.blocks.basis.copy_(basis[:latents])
    stream.blocks.mean.copy_(mean)
    for last in (stream.g_a[-1], _last_convolution(stream.g_s), stream.h_a[-1]):
        zero(last)
    fit_prior(stream.prior)
    deviations = values[:latents] / len(samples) ** 0.5
    depth = latents // stream.config.slices
    for context, deviation in zip(stream.context.slices, deviations.split(depth), strict=True):
        assert isinstance(context, SliceContext)
        for head in (context.anchor, context.non_anchor):
            last = head[-1]
            assert isinstance(last, nn.Conv2d)
            assert last.bias is not None
            last.weight.mul_(0.1)
            last.bias.copy_(torch.cat([torch.zeros(depth), deviation.log()]))  # means, log-scales


def fit_prior(prior: FactorizedPrior, steps: int = 400) -> None:
    """Makes zeros cheap: hyper-latents, zero at first, are to be worth their bits before they cost any.

    The usual broad density charges five bits for each, 0.01 bpp, and narrows over thousands of steps.
    """
    values = torch.tensor((-1.0, 0.0, 1.0)).expand(1, prior.channels, 1, 3)
    shares = torch.tensor((0.02, 0.96, 0.02))
    optimizer = torch.optim.Adam(prior.parameters(), 0.01)
    for _ in range(steps):
        optimizer.zero_grad()
        with torch.enable_grad():
            loss = -(prior.likelihood(values).log2() * shares).mean()
        loss.backward()
        optimizer.step()
    optimizer.zero_grad()


def _last_convolution(network: nn.Module) -> nn.Module:
    return [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)][-1]
