"""JPEG XL, lossy, by libjxl at its default effort, through the package pillow-jxl-plugin."""

from .interface import PillowCodec

CODEC = PillowCodec(
    name="jpegxl",
    label="JPEG XL",
    settings=(1, 5, 10, 20, 30),
    format="JXL",
    plugin="pillow_jxl",
    package="pillow-jxl-plugin",
)
