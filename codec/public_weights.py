"""Weight files from public checkpoints, and what can be said of a weight file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from ulbic.errors import WeightsError
from ulbic.models.adapters import SOURCES
from ulbic.models.adapters.reading import read_public
from ulbic.models.checkpoint import load_checkpoint, save_checkpoint
from ulbic.models.config import PRESETS
from ulbic.models.model import UlbicModel

from .tables import export_tables, read_tables


class Converted(NamedTuple):
    """A model whose weights come from public checkpoints, as far as these go."""

    model: UlbicModel
    fresh: tuple[str, ...]  # parts that no checkpoint held, wholly or partly: random, or those of `init`

    def save(self, path: Path, *, half: bool = False) -> None:
        """Writes the weight file, with 16-bit or else 32-bit weights."""
        dtype = torch.float16 if half else torch.float32
        save_checkpoint(path, self.model, export_tables(self.model), dtype)


def convert(
    checkpoints: Sequence[tuple[str, Path]], preset: str = "base", init: Path | None = None
) -> Converted:
    """A model of the preset, or the one in `init`, with the weights of the public checkpoints.

    Args:
        checkpoints: (one of PUBLIC_SOURCES, file); later ones win where two hold the same part.

    Raises:
        InputError: a file cannot be read.
        WeightsError: a file is not what it is said to be.
    """
    public = [(SOURCES[source], read_public(path)) for source, path in checkpoints]
    torch.manual_seed(0)
    model = load_checkpoint(init).model if init else UlbicModel(PRESETS[preset])
    given: set[str] = set()
    for source, found in public:
        tensors = source.convert(found, model.config)
        model.load_state_dict(tensors, strict=False)
        given |= set(tensors)
    left = [key for key in model.state_dict() if key not in given]
    return Converted(model, tuple(dict.fromkeys(_part(key) for key in left)))


def _part(key: str) -> str:
    if ".cross." in key:
        return "CrossAttention"
    return "assist" if "assist_" in key else key.split(".")[0]


class Verified(NamedTuple):
    """What a sound weight file says of itself."""

    name: str  # of its configuration
    parameters: int
    tag: str  # 3 hex digits, as in the files made with it


def verify(path: Path) -> Verified:
    """Loads a weight file and checks all of it.

    Raises:
        WeightsError: it is no weight file of this release, lacks something, or holds what is no number.
    """
    model, tables, digest = load_checkpoint(path)
    for key, value in model.state_dict().items():
        if not bool(value.isfinite().all()):
            raise WeightsError(f"{path.name}: {key!r} holds values that are not finite")
    read_tables(tables)
    return Verified(model.config.name, sum(p.numel() for p in model.parameters()), digest[:3])
