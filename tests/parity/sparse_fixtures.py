"""The fixtures of MQ-VAE, Stackformer, DQ-VAE and DQ-Transformer, and the small networks they belong to."""

from __future__ import annotations

import numpy as np
import torch
from parity.fixtures import FOLDER
from safetensors.torch import load_file

from ulbic.models.sparse.config import (
    DqTransformerConfig,
    DqVaeConfig,
    MqVaeConfig,
    StackConfig,
    StackformerConfig,
    TrunkConfig,
)

_SMALL = TrunkConfig(widths=(32, 32, 32), attention=(2,), blocks=1)
_STACK = StackConfig(width=48, heads=3, code_layers=2, position_layers=1, block_size=32)

MQ_VAE = MqVaeConfig(
    encoder=_SMALL, decoder=_SMALL, features=48, codes=64, dim=40, kept=0.40, demask_blocks=2
)
STACKFORMER = StackformerConfig(stack=_STACK, codes=64, positions=64)
DQ_VAE = DqVaeConfig(
    encoder=TrunkConfig(widths=(32, 32, 64), attention=(1, 2), blocks=1),
    decoder=TrunkConfig(widths=(32, 32), attention=(1,), blocks=1),
    features=48,
    codes=64,
    dim=40,
    router_groups=16,
    position_side=8,
)
DQ_TRANSFORMER = DqTransformerConfig(
    stack=StackConfig(width=48, heads=3, code_layers=2, position_layers=1, block_size=96),
    codes=64,
    coarse_side=4,
)


def arrays(name: str) -> dict[str, torch.Tensor]:
    """The recorded inputs and outputs."""
    content = np.load(FOLDER / f"{name}_io.npz")
    return {key: torch.from_numpy(content[key]) for key in content}


def tensors(name: str) -> dict[str, torch.Tensor]:
    """The weights, by public names."""
    return load_file(FOLDER / f"{name}.safetensors")
