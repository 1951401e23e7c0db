"""The codecs of the benchmark, one file each, behind `interface.Codec`."""

from __future__ import annotations

from .avif import CODEC as AVIF
from .compressai_zoo import CODECS as COMPRESSAI
from .heic import CODEC as HEIC
from .interface import Codec, UnavailableError
from .jpeg import CODEC as JPEG
from .jpegxl import CODEC as JPEGXL
from .ulbic import CODEC as ULBIC
from .vvc import CODEC as VVC
from .webp import CODEC as WEBP

CODECS: dict[str, Codec] = {
    codec.name: codec for codec in (ULBIC, JPEG, WEBP, AVIF, JPEGXL, HEIC, VVC, *COMPRESSAI)
}

__all__ = ["CODECS", "Codec", "UnavailableError"]
