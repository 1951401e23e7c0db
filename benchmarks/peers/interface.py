"""What the benchmark asks of a codec, and the one shape of all codecs that Pillow writes and reads."""

from __future__ import annotations

import importlib
import io
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata

import PIL
from PIL import Image, features


class UnavailableError(Exception):
    """The codec cannot be used here; the message is one line and says why."""


class Codec(ABC):
    """A still-image codec with one rate knob. Instances travel to worker processes."""

    name: str  # on the command line and in files
    label: str  # in figures
    settings: tuple[int, ...]  # of the rate knob, in the order of growing files

    @abstractmethod
    def version(self) -> str:
        """Names everything besides picture and setting that decides the bytes and the pixels.

        Raises:
            UnavailableError: a library, a program or weights are missing.
        """

    @abstractmethod
    def encode(self, picture: Image.Image, setting: int) -> bytes:
        """The whole file of an 8-bit RGB picture."""

    @abstractmethod
    def decode(self, data: bytes) -> Image.Image:
        """The 8-bit RGB picture of such a file."""


@dataclass(frozen=True)
class PillowCodec(Codec):
    """A format of Pillow's, or of one of its plugins.

    Args:
        format: Pillow's name of it.
        options: of `Image.save`, beside `quality`.
        feature: what `PIL.features` calls it, for the formats that Pillow may be built without.
        plugin: the module that brings the format, for those that Pillow lacks.
        package: the distribution that has the plugin.
    """

    name: str
    label: str
    settings: tuple[int, ...]
    format: str
    options: Mapping[str, object] = field(default_factory=dict)
    feature: str | None = None
    plugin: str | None = None
    package: str | None = None

    def version(self) -> str:
        return f"Pillow {PIL.__version__}, {self._library()}, {self.format} {dict(self.options)}"

    def encode(self, picture: Image.Image, setting: int) -> bytes:
        self._library()
        buffer = io.BytesIO()
        picture.save(buffer, self.format, quality=setting, **self.options)
        return buffer.getvalue()

    def decode(self, data: bytes) -> Image.Image:
        self._library()
        with Image.open(io.BytesIO(data), formats=(self.format,)) as picture:
            return picture.convert("RGB")

    def register(self, plugin: object) -> None:
        """Makes the imported plugin known to Pillow; most do so by themselves."""

    def _library(self) -> str:
        """Loads what the format needs and names its version."""
        if self.feature is not None:
            version = features.version(self.feature)
            if version is None:
                raise UnavailableError(f"this Pillow was built without {self.label}")
            return f"{self.feature} {version}"
        assert self.plugin is not None
        assert self.package is not None
        try:
            self.register(importlib.import_module(self.plugin))
        except ImportError:
            raise UnavailableError(f"{self.package} is not installed (pip install 'ulbic[bench]')") from None
        return f"{self.package} {metadata.version(self.package)}"
