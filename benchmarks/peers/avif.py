"""AVIF, 4:2:0, by libavif at speed 5."""

from .interface import PillowCodec

CODEC = PillowCodec(
    name="avif",
    label="AVIF",
    settings=(0, 5, 10, 15, 20, 26, 32, 40),
    format="AVIF",
    options={"speed": 5},
    feature="avif",
)
