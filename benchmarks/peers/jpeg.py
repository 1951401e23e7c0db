"""JPEG by libjpeg-turbo, baseline, 4:2:0; its own Huffman tables halve the file at these rates."""

from .interface import PillowCodec

CODEC = PillowCodec(
    name="jpeg",
    label="JPEG",
    settings=(1, 3, 5, 8, 12, 18),
    format="JPEG",
    options={"optimize": True},
    feature="jpg",
)
