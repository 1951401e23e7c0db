"""JPEG by libjpeg-turbo, baseline, 4:2:0, with optimised Huffman tables: at these rates they halve the file."""

from .base import PillowCodec

CODEC = PillowCodec(
    name="jpeg",
    label="JPEG",
    settings=(1, 3, 5, 8, 12, 18),
    format="JPEG",
    options={"optimize": True},
    feature="jpg",
)
