"""This project's codec, through its public functions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from PIL import Image

import ulbic
from ulbic.codec.profiles import DEFAULT_MODEL, PROFILES
from ulbic.files import file_digest

from .interface import Codec

LAYERS = ("bitstream", "codec", "models")


@dataclass(frozen=True)
class Ulbic(Codec):
    """The default model, or the one in `weights`."""

    weights: Path | None = None
    device: str = "auto"
    effort: int = 0
    settings: tuple[int, ...] = tuple(range(1, len(PROFILES.named(DEFAULT_MODEL).qualities) + 1))

    name = "ulbic"
    label = "ulbic"

    def version(self) -> str:
        digest = hashlib.sha256()  # so that results of other code are never taken for this one's
        for layer in LAYERS:
            for file in sorted(resources.files(f"ulbic.{layer}").iterdir(), key=lambda f: f.name):
                if file.name.endswith(".py"):
                    digest.update(file.read_bytes())
        code = digest.hexdigest()[:12]
        weights = file_digest(self.weights) if self.weights else PROFILES.named(DEFAULT_MODEL).sha256
        effort = f", effort {self.effort}" if self.effort else ""
        return f"ulbic {ulbic.__version__}, code {code}, weights {weights[:12]}, {self.device}{effort}"

    def encode(self, picture: Image.Image, setting: int) -> bytes:
        return ulbic.encode(picture, setting, effort=self.effort, device=self.device, weights=self.weights)

    def decode(self, data: bytes) -> Image.Image:
        return ulbic.decode(data, device=self.device, weights=self.weights)


CODEC = Ulbic()
