"""Reads a public checkpoint file without executing anything that is in it."""

from __future__ import annotations

import argparse
import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from ulbic.errors import InputError, WeightsError

_WRAPPERS = ("state_dict", "model")  # entries that hold the weights of a training checkpoint
_PREFIXES = ("module.", "model.")  # that DistributedDataParallel and wrapper modules put before every key


def read_public(path: Path) -> dict[str, Tensor]:
    """The state dict in a `.safetensors` file or in a pickle that PyTorch wrote.

    Raises:
        InputError: the file cannot be read.
        WeightsError: it holds no state dict, or a pickle with anything but data in it.
    """
    try:
        content = load_file(path) if path.suffix == ".safetensors" else _unpickle(path)
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror or 'not found'}") from None
    except pickle.UnpicklingError:
        raise WeightsError(f"{path.name} holds more than data, or is no pickle: refused") from None
    except (SafetensorError, RuntimeError, EOFError, ValueError, KeyError):
        raise WeightsError(f"{path.name} is not a checkpoint that can be read") from None
    return _bare(_unwrapped(content, path))


def _unpickle(path: Path) -> object:
    torch.serialization.add_safe_globals([argparse.Namespace])  # MAGE keeps its arguments; plain data
    return torch.load(path, map_location="cpu", weights_only=True)


def _unwrapped(content: object, path: Path) -> dict[str, Tensor]:
    if isinstance(content, dict):
        for wrapper in _WRAPPERS:
            if isinstance(content.get(wrapper), dict):
                return _unwrapped(content[wrapper], path)
        if content and all(isinstance(value, Tensor) for value in content.values()):
            return dict(content)
    raise WeightsError(f"{path.name} holds no state dict")


def _bare(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) for key in tensors):
            tensors = {key.removeprefix(prefix): value for key, value in tensors.items()}
    return tensors
