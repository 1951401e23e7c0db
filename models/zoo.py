"""The numbers that stand for models in files: fixed for ever, never reused. Free of torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

WEIGHTS_FOLDER = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class ZooEntry:
    """One published model."""

    model_id: int  # 0 to 15
    name: str
    file: str  # in WEIGHTS_FOLDER, where bundled

    @property
    def path(self) -> Path:
        return WEIGHTS_FOLDER / self.file


ZOO = (ZooEntry(1, "tiny", "tiny.safetensors"),)
DEFAULT_MODEL_ID = 1


def entry(model_id: int) -> ZooEntry | None:
    """The entry of that number, if this release knows it."""
    return next((e for e in ZOO if e.model_id == model_id), None)
