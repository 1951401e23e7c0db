"""Networks of the sparse systems, narrow enough for tests."""

from __future__ import annotations

from dataclasses import replace

import torch

from ulbic.models.sparse.config import (
    TINY_DQ_TRANSFORMER,
    TINY_DQ_VAE,
    TINY_MQ_VAE,
    TINY_STACKFORMER,
    StackConfig,
)
from ulbic.models.sparse.dqtransformer import DqTransformer
from ulbic.models.sparse.dqvae import DqVae, DualCodes
from ulbic.models.sparse.mqvae import MqVae
from ulbic.models.sparse.stackformer import Stackformer

_PYRAMID = replace(TINY_MQ_VAE.encoder, widths=(8, 8, 16))
_STACK = StackConfig(width=16, heads=2, code_layers=2, position_layers=1, block_size=80, dropout=0.0)
MQ = replace(TINY_MQ_VAE, encoder=_PYRAMID, decoder=_PYRAMID, features=32, codes=24, dim=8, demask_blocks=2)
DQ = replace(
    TINY_DQ_VAE,
    encoder=replace(_PYRAMID, widths=(8, 8, 16, 16), attention=(2, 3)),
    decoder=_PYRAMID,
    features=32,
    codes=24,
    dim=8,
)
STACK = replace(TINY_STACKFORMER, stack=_STACK, codes=24, positions=64)
DUAL = replace(TINY_DQ_TRANSFORMER, stack=_STACK, codes=24, coarse_side=4)


def seeded(make, config):
    """A network whose logits are far from even."""
    torch.manual_seed(0)
    network = make(config)
    if isinstance(network, (Stackformer, DqTransformer)):
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.copy_(torch.randn_like(parameter) * 0.3)
    return network


def mq_vae(**changes) -> MqVae:
    return seeded(MqVae, replace(MQ, **changes))


def dq_vae(**changes) -> DqVae:
    return seeded(DqVae, replace(DQ, **changes))


def stackformer(**changes) -> Stackformer:
    return seeded(Stackformer, replace(STACK, **changes)).eval()


def dq_transformer(**changes) -> DqTransformer:
    return seeded(DqTransformer, replace(DUAL, **changes)).eval()


def dual_codes(*coarse_counts: int, codes: int = 24, side: int = 4) -> DualCodes:
    """Random codes, one picture for each number of coarse regions."""
    generator = torch.Generator().manual_seed(1)
    grains = torch.ones(len(coarse_counts), side * side, dtype=torch.int64)
    for row, count in zip(grains, coarse_counts, strict=True):
        row[torch.randperm(side * side, generator=generator)[:count]] = 0
    grains = grains.view(-1, side, side)
    indices = torch.randint(codes, (len(coarse_counts), 2 * side, 2 * side), generator=generator)
    coarse = (grains == 0).repeat_interleave(2, 1).repeat_interleave(2, 2)
    first = indices[:, ::2, ::2].repeat_interleave(2, 1).repeat_interleave(2, 2)
    return DualCodes(torch.where(coarse, first, indices), grains)


NO_EFFECT = ("score_pred_net.3.bias", ".k.bias", ".key.bias")  # undone by the norm or the softmax after them


def without_gradient(network) -> list[str]:
    """Names of trainable parameters that the last backward pass left without a gradient."""
    trained = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
    still = [name for name, p in trained if p.grad is None or not p.grad.any()]
    return [name for name in still if not name.endswith(NO_EFFECT)]
