"""HEIC (HEVC intra, 4:2:0) by libheif and x265, through the package pillow-heif."""

from typing import Any

from .interface import PillowCodec


class Heic(PillowCodec):
    """pillow-heif wants to be asked."""

    def register(self, plugin: Any) -> None:
        plugin.register_heif_opener()


CODEC = Heic(
    name="heic",
    label="HEIC",
    settings=(0, 3, 6, 10, 15, 20),
    format="HEIF",
    plugin="pillow_heif",
    package="pillow-heif",
)
