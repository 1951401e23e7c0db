"""Teaches Pillow the .ulb format as soon as both ulbic and Pillow are imported, in either order.

Importing ulbic does not import Pillow, and Pillow looks for plugins of its own only. So the format is
registered at once where Pillow is there, and else when Python's import system meets it (PEP 451). Its code is
loaded with the first .ulb file.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

NAME, EXTENSION, MIME = "ULB", ".ulb", "image/x-ulb"
_IMAGE = "PIL.Image"


def install() -> None:
    """Registers the format now, or when Pillow is imported."""
    if _IMAGE in sys.modules:
        register(sys.modules[_IMAGE])
    else:
        sys.meta_path.insert(0, _Finder())


def register(image: ModuleType) -> None:
    """Adds the format to Pillow's tables, given `PIL.Image`."""
    image.register_open(NAME, _open, _accept)
    image.register_save(NAME, _save)
    image.register_extension(NAME, EXTENSION)
    image.register_mime(NAME, MIME)


class _Finder:
    """Waits for `PIL.Image`, then steps aside."""

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != _IMAGE:
            return None
        import importlib.util

        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_register(module: ModuleType) -> None:
                execute(module)
                register(module)

            spec.loader.exec_module = execute_and_register  # type: ignore[method-assign]
        return spec


def _accept(prefix: bytes) -> bool:
    from ulbic.bitstream.container import SIGNATURE

    return prefix.startswith(SIGNATURE)


def _open(fp: Any, filename: str | bytes) -> Any:
    from ulbic.codec.pillow import UlbImageFile

    return UlbImageFile(fp, filename)


def _save(picture: Any, fp: Any, filename: str | bytes) -> None:
    from ulbic.codec.pillow import save

    save(picture, fp)
