"""This project's codec, through its public functions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from PIL import Image

import ulbic
from ulbic.bitstream.describe import read_bytes
from ulbic.codec.quality import QUALITIES
from ulbic.models.zoo import DEFAULT_MODEL_ID, entry

from .interface import Codec

LAYERS = ("bitstream", "codec", "models")


@dataclass(frozen=True)
class Ulbic(Codec):
    """The default model, or the one in `weights`."""

    weights: Path | None = None
    device: str = "auto"
    settings: tuple[int, ...] = tuple(QUALITIES)

    name = "ulbic"
    label = "ulbic"

    def version(self) -> str:
        digest = hashlib.sha256()  # so that results of other code are never taken for this one's
        for layer in LAYERS:
            for file in sorted(resources.files(f"ulbic.{layer}").iterdir(), key=lambda f: f.name):
                if file.name.endswith(".py"):
                    digest.update(file.read_bytes())
        code = digest.hexdigest()[:12]
        weights = hashlib.sha256(read_bytes(self.weights or _bundled_weights())).hexdigest()[:12]
        return f"ulbic {ulbic.__version__}, code {code}, weights {weights}, {self.device}"

    def encode(self, picture: Image.Image, setting: int) -> bytes:
        return ulbic.encode(picture, setting, device=self.device, weights=self.weights)

    def decode(self, data: bytes) -> Image.Image:
        return ulbic.decode(data, device=self.device, weights=self.weights)


def _bundled_weights() -> Path:
    model = entry(DEFAULT_MODEL_ID)
    assert model is not None
    return model.path


CODEC = Ulbic()
