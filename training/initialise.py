"""How models begin: fitted to the training pictures, or with parts of them anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ulbic.errors import WeightsError
from ulbic.models.config import Bridge, ModelConfig
from ulbic.models.context import SliceContext
from ulbic.models.continuous import ContinuousStream
from ulbic.models.entropy import FactorizedPrior
from ulbic.models.lapped import BLOCK, LAP, across_borders
from ulbic.models.layers import zero
from ulbic.models.model import UlbicModel, reduce


@torch.no_grad()
def fit_lapped_transform(stream: ContinuousStream, crops: Iterator[Tensor], blocks: int = 50_000) -> None:
    """Principal components of the lapped blocks as the basis; transforms start as no correction of it, and
    the context model with the deviation of every component.
    """
    transform = stream.lapped
    assert transform is not None
    transform.fold.copy_(best_fold())
    transform.unfold.copy_(torch.linalg.inv(transform.fold))
    pictures: list[Tensor] = []
    while sum(p[0, 0].numel() * len(p) for p in pictures) < blocks * BLOCK**2:
        pictures.append(reduce(next(crops)).contiguous())
    mean = torch.stack([p.mean(dim=(0, 2, 3)) for p in pictures]).mean(dim=0)
    transform.mean.copy_(mean)
    lapped = (transform.prefilter(p - mean[:, None, None]) for p in pictures)
    samples = torch.cat([F.unfold(p, BLOCK, stride=BLOCK).transpose(1, 2).flatten(0, 1) for p in lapped])
    _, values, basis = torch.linalg.svd(samples, full_matrices=False)
    latents = len(transform.basis)
    transform.basis.copy_(basis[:latents])
    for last in (stream.g_a[-1], _last_convolution(stream.g_s), stream.h_a[-1]):
        zero(last)
    fit_prior(stream.prior)
    deviations = values[:latents] / len(samples) ** 0.5
    for context, deviation in zip(
        stream.context.slices, deviations.split(list(stream.config.slices)), strict=True
    ):
        assert isinstance(context, SliceContext)
        for head in (context.anchor, context.non_anchor):
            last = head[-1]
            assert isinstance(last, nn.Conv2d)
            assert last.bias is not None
            last.weight.mul_(0.1)
            last.bias.copy_(torch.cat([torch.zeros_like(deviation), deviation.log()]))  # means, log-scales


@torch.enable_grad()
def best_fold(correlation: float = 0.95) -> Tensor:
    """(8, 8): the filter of most coding gain for lines of neighbouring samples so correlated.

    That is least mean log-variance of a block's principal components, with what the filter's inverse makes
    of the rounding's noise added (Tran 2003, biorthogonal).
    """
    positions = torch.arange(2 * BLOCK, dtype=torch.float64)
    covariance = correlation ** (positions[:, None] - positions).abs()  # block and two half neighbours
    exponent = torch.zeros(LAP, LAP, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([exponent], max_iter=300, line_search_fn="strong_wolfe")

    def cost() -> Tensor:
        optimizer.zero_grad()
        fold = torch.linalg.matrix_exp(exponent)
        block = across_borders(F.pad(covariance, (LAP,) * 4), fold)[BLOCK:-BLOCK, BLOCK:-BLOCK]
        noise = (LAP + torch.linalg.inv(fold).square().sum()) / BLOCK
        value = torch.linalg.eigvalsh(block).log().mean() + noise.log()
        value.backward()
        return value

    optimizer.step(cost)
    return torch.linalg.matrix_exp(exponent).detach().float()


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


def with_new_bridge(model: UlbicModel, kind: Bridge) -> UlbicModel:
    """The same weights with an untrained bridge, and what it leads to: correction network, CrossAttention.

    For HybridFlow's Test 1 to 3: the restoration takes no other way into the correction network.
    """
    bridge = replace(model.config.bridge, kind=kind, skips=0)
    new = UlbicModel(replace(model.config, bridge=bridge))
    cross = f"predictor.decoder_blocks.{model.config.predictor.cross_block}.cross."
    anew = ("bridge.", "correction.", "predictor.assist", cross)
    kept = {key: value for key, value in model.state_dict().items() if not key.startswith(anew)}
    new.load_state_dict(new.state_dict() | kept)
    return new


@torch.no_grad()
def without_codes(model: UlbicModel) -> UlbicModel:
    """The same weights with a codebook of zeros, in place: whatever is sent or predicted says nothing.

    Trained on from there, a model shows what the pixel decoder is worth without the token stream.
    """
    model.tokenizer.quantize.embedding.weight.zero_()
    return model


def assembled(config: ModelConfig, stream: dict[str, Tensor], rest: UlbicModel) -> UlbicModel:
    """A model of `config` with a trained continuous stream, and all other weights of `rest` that fit in.

    New inputs of a convolution count nothing at first; new parts begin untrained.

    Args:
        stream: the state of a `ContinuousStream` of `config`.

    Raises:
        WeightsError: it is of another one.
    """
    model = UlbicModel(config)
    own, given = model.state_dict(), rest.state_dict()
    for key, value in own.items():
        old = given.get(key)
        if key.startswith("continuous.") or old is None:
            continue
        if value.ndim == 4 and value.shape[1] > old.shape[1]:
            value[:] = F.pad(old, (0, 0, 0, 0, 0, value.shape[1] - old.shape[1]))
        else:
            value.copy_(old)
    try:
        model.continuous.load_state_dict(stream)
    except RuntimeError:
        raise WeightsError(f"the stream is not one of {config.name!r}") from None
    return model


def _last_convolution(network: nn.Module) -> nn.Module:
    return [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)][-1]
