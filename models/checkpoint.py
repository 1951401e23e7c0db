"""Weight files: safetensors with the configuration in the metadata, and their digest."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ulbic.errors import WeightsError
from ulbic.files import file_digest

from .config import ModelConfig
from .model import UlbicModel

TABLE_PREFIX = "tables."  # integer frequency tables travel with the weights


class Checkpoint(NamedTuple):
    """A loaded weight file."""

    model: UlbicModel  # float32, eval mode
    tables: dict[str, Tensor]  # int32, by name
    digest: str  # SHA-256 of the file, hex


def save_checkpoint(
    path: Path, model: UlbicModel, tables: dict[str, Tensor], dtype: torch.dtype = torch.float16
) -> None:
    """Writes weights, fp16 to be shipped or fp32 to be trained on, and the integer tables."""
    tensors = {k: v.detach().to(dtype).contiguous() for k, v in model.state_dict().items()}
    tensors |= {TABLE_PREFIX + k: v.contiguous() for k, v in tables.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, {"config": model.config.to_json()})


def load_checkpoint(path: Path) -> Checkpoint:
    """Reads a file written by `save_checkpoint`; every weight must be there, and no other.

    Raises:
        WeightsError: missing, not safetensors, or not of this architecture.
    """
    if not path.is_file():
        raise WeightsError(f"no weights at {path}")
    try:
        with safe_open(path, "pt") as file:
            config = ModelConfig.from_json((file.metadata() or {})["config"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        tables = {
            key.removeprefix(TABLE_PREFIX): tensors.pop(key)
            for key in list(tensors)
            if key.startswith(TABLE_PREFIX)
        }
        model = UlbicModel(config)  # the meta device would import torch's compiler, which takes 2 seconds
        model.load_state_dict({k: v.float() for k, v in tensors.items()}, strict=True, assign=True)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path.name} is not a weight file of this release: {reason}") from None
    model = model.to(memory_format=torch.channels_last).eval().requires_grad_(False)
    return Checkpoint(model, tables, file_digest(path))
