"""WebP, lossy, by libwebp at its slowest method."""

from .interface import PillowCodec

CODEC = PillowCodec(
    name="webp",
    label="WebP",
    settings=(0, 1, 3, 6, 10, 20),
    format="WEBP",
    options={"method": 6},
    feature="webp",
)
