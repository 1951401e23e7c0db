"""The numbers that stand for models in files: fixed for ever, never reused. Free of torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

FILE_MODEL_ID = 15  # stands for weights that the user gives by file; only their digest tells them apart
PUBLIC_SOURCES = ("mage-vqgan", "mage-vit", "mlicpp")  # what `models.adapters` can convert
WEIGHTS_FOLDER = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class ZooEntry:
    """One published model."""

    model_id: int  # 0 to 14
    name: str
    file: str  # in WEIGHTS_FOLDER, where bundled

    @property
    def path(self) -> Path:
        return WEIGHTS_FOLDER / self.file


ZOO = (ZooEntry(1, "tiny", "tiny.safetensors"),)
DEFAULT_MODEL_ID = 1


def file_digest(path: Path) -> str:
    """SHA-256 of a weight file, hex; its first three digits are the tag in every file made with it."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def entry(model_id: int) -> ZooEntry | None:
    """The entry of that number, if this release knows it."""
    return next((e for e in ZOO if e.model_id == model_id), None)
