"""The four networks by configuration, and the layout of their public checkpoints: names and shapes are ours,
beside tensors that the public code stores and never uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import TypeVar

import torch
from torch import Tensor, nn

from ulbic.errors import WeightsError

from .config import DqTransformerConfig, DqVaeConfig, MqVaeConfig, SparseConfig, StackformerConfig
from .dqtransformer import DqTransformer
from .dqvae import DqVae
from .mqvae import MqVae
from .stackformer import Stackformer

SparseNetwork = MqVae | DqVae | Stackformer | DqTransformer
Network = TypeVar("Network", MqVae, DqVae, Stackformer, DqTransformer)
TIME_CHANNELS = 512  # of the time embedding that MQ-VAE's de-masker has no use for


@singledispatch
def build(config: SparseConfig) -> SparseNetwork:
    """The untrained network of a configuration."""
    raise TypeError(f"no network has a {type(config).__name__}")


build.register(MqVaeConfig, MqVae)
build.register(DqVaeConfig, DqVae)
build.register(StackformerConfig, Stackformer)
build.register(DqTransformerConfig, DqTransformer)


def unused_shapes(network: SparseNetwork) -> dict[str, tuple[int, ...]]:
    """Keys and shapes of a public checkpoint that mean nothing here."""
    if isinstance(network, MqVae):
        width = network.config.decoder.widths[-1]
        stack = "demasker.transformer."
        blocks = [f"{stack}blocks.{i}.resblock" for i in range(network.config.demask_blocks)]
        return {
            f"{block}.temb_proj.{name}": shape
            for block in [*blocks, f"{stack}last_resblock"]
            for name, shape in (("weight", (width, TIME_CHANNELS)), ("bias", (width,)))
        }
    if isinstance(network, (Stackformer, DqTransformer)):
        side = network.config.stack.block_size
        attentions = [name for name, _ in network.named_modules() if name.endswith(".attn")]
        return {f"{name}.mask": (1, 1, side, side) for name in attentions}
    return {}


def public_shapes(config: SparseConfig) -> dict[str, tuple[int, ...]]:
    """Every key of a public checkpoint of that configuration, with its shape."""
    with torch.device("meta"):
        network = build(config)
    ours = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    return ours | unused_shapes(network)


def load_public(network: Network, tensors: Mapping[str, Tensor]) -> Network:
    """Fills a network, in place, with the tensors of a public checkpoint (without prefix); eval mode.

    Raises:
        WeightsError: a key is unknown or missing, or a shape is another.
    """
    used = {key: value.float() for key, value in tensors.items() if key not in unused_shapes(network)}
    try:
        nn.Module.load_state_dict(network, used)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise WeightsError(f"not a public checkpoint of this network: {reason[:200]}") from None
    return network.eval()
