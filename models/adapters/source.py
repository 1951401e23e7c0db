"""What an adapter says of a public checkpoint layout, and how tensors of that layout become ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from ulbic.errors import WeightsError
from ulbic.models.config import ModelConfig
from ulbic.models.model import UlbicModel

Shapes = dict[str, tuple[int, ...]]


def _same(key: str, value: Tensor) -> Tensor:
    return value


@lru_cache
def _shapes(config: ModelConfig) -> Shapes:
    """Our keys and shapes."""
    with torch.device("meta"):
        state = UlbicModel(config).state_dict()
    return {key: tuple(value.shape) for key, value in state.items()}


@dataclass(frozen=True, kw_only=True)
class Source:
    """One layout: which of our tensors it holds, under which keys, and what else lies beside them."""

    name: str
    public_key: Callable[[str], str | None]  # of a key of ours; None where the source has nothing
    unused: Callable[[ModelConfig], Shapes]  # public keys that mean nothing here
    optional: str = ""  # keys that begin so may be missing all together
    modernise: Callable[[dict[str, Tensor]], dict[str, Tensor]] = dict  # keys of older files to today's
    value: Callable[[str, Tensor], Tensor] = _same  # (public key, public value) to our value

    def keys(self, config: ModelConfig) -> dict[str, tuple[str, tuple[int, ...]]]:
        """Our key and shape of every public key that is used."""
        names = {key: self.public_key(key) for key in _shapes(config)}
        return {name: (key, _shapes(config)[key]) for key, name in names.items() if name is not None}

    def public_shapes(self, config: ModelConfig) -> Shapes:
        """Every key of a public checkpoint with its shape."""
        return {name: shape for name, (_, shape) in self.keys(config).items()} | self.unused(config)

    def convert(self, tensors: Mapping[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
        """Public tensors to ours, float32, by our keys.

        Raises:
            WeightsError: a key is unknown or missing, or a shape is not that of `config`.
        """
        found, keys, unused = self.modernise(dict(tensors)), self.keys(config), self.unused(config)
        if self.optional and not any(name.startswith(self.optional) for name in found):
            keys = {name: ours for name, ours in keys.items() if not name.startswith(self.optional)}
        self._refuse("unknown", [k for k in found if k not in keys and k not in unused])
        self._refuse("missing", [k for k in keys if k not in found])
        self._refuse("of another size", [k for k, (_, s) in keys.items() if tuple(found[k].shape) != s])
        return {ours: self.value(name, found[name].float()) for name, (ours, _) in keys.items()}

    def _refuse(self, fault: str, names: list[str]) -> None:
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise WeightsError(f"not a {self.name} checkpoint of this size: {names[0]!r}{more} {fault}")
