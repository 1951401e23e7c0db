"""Weight files of the sparse networks: safetensors with the configuration in the metadata."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ulbic.errors import WeightsError

from .config import from_json, to_json
from .networks import SparseNetwork, build


def save_network(path: Path, network: SparseNetwork, dtype: torch.dtype = torch.float16) -> None:
    """Writes weights, fp16 to be shipped or fp32 to be trained on."""
    tensors = {
        key: (value.to(dtype) if value.is_floating_point() else value).detach().contiguous()
        for key, value in network.state_dict().items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, {"config": to_json(network.config)})


def load_network(path: Path) -> SparseNetwork:
    """Reads a file written by `save_network`: float32, eval mode, without gradients.

    Raises:
        WeightsError: missing, not safetensors, or not of one of these networks.
    """
    if not path.is_file():
        raise WeightsError(f"no weights at {path}")
    try:
        with safe_open(path, "pt") as file:
            network = build(from_json((file.metadata() or {})["config"]))
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in tensors.items()})
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path.name} holds none of the sparse networks: {reason}") from None
    return network.eval().requires_grad_(False)
