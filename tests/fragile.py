"""A codec for tests; a module of its own, because other processes must find it as well."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from ulbic.benchmarks.peers.interface import PillowCodec


@dataclass(frozen=True)
class Fragile(PillowCodec):
    """JPEG that refuses pictures which are wider than high."""

    def encode(self, picture: Image.Image, setting: int) -> bytes:
        if picture.width > picture.height:
            raise ValueError("too wide for me")
        return super().encode(picture, setting)
