"""The registry of index modes. Free of torch."""

from __future__ import annotations

from ulbic.errors import VersionError

from .chosen import DUAL, MASKED
from .index_mode import IndexMode
from .lattices import LATTICES
from .registry import Registry

INDEX_MODES: Registry[IndexMode] = Registry("index mode", 256, (*LATTICES, MASKED, DUAL))


def mode_of_file(number: int) -> IndexMode:
    """The mode that a file names.

    Raises:
        VersionError: it is not defined in this release: a file of the future.
    """
    mode = INDEX_MODES.numbered(number)
    if mode is None:
        raise VersionError(f"the file has index mode {number}, which this release does not know")
    return mode
