"""ulbic: an image codec for ultra-low bitrates (about 0.01 to 0.1 bits per pixel).

    >>> import ulbic
    >>> data = ulbic.encode("photo.png", quality=4)     # bytes of a .ulb file
    >>> picture = ulbic.decode(data)                    # PIL.Image
    >>> ulbic.info(data).bpp

With it, Pillow opens and saves .ulb files as any others. The names are resolved on first use, so that
``import ulbic`` stays free of heavy imports.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from . import pillow_hook

if TYPE_CHECKING:
    from ulbic.codec.api import decode, encode
    from ulbic.codec.describe import info

__version__ = "0.1.0"
__all__ = ["__version__", "decode", "encode", "info"]

_HOMES = {"encode": "ulbic.codec.api", "decode": "ulbic.codec.api", "info": "ulbic.codec.describe"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'ulbic' has no attribute {name!r}")


pillow_hook.install()
