"""The registry of index modes, by name and by their number in files. Free of torch."""

from __future__ import annotations

from ulbic.errors import SettingsError, VersionError

from .index_mode import IndexMode
from .lattices import LATTICES

INDEX_MODES: dict[str, IndexMode] = {mode.name: mode for mode in LATTICES}


def register(mode: IndexMode) -> IndexMode:
    """Makes a mode known to encoder, decoder, training and command line.

    Raises:
        ValueError: its name or number is taken, or out of range.
    """
    if not 0 <= mode.number < 256:
        raise ValueError(f"index mode number {mode.number} is not one of 0 to 255")
    if mode.name in INDEX_MODES or mode.number in {known.number for known in INDEX_MODES.values()}:
        raise ValueError(f"there is an index mode {mode.name!r} or one of number {mode.number} already")
    INDEX_MODES[mode.name] = mode
    return mode


def index_mode(name: str) -> IndexMode:
    """The mode of that name.

    Raises:
        SettingsError: there is none.
    """
    if name not in INDEX_MODES:
        raise SettingsError(f"no index mode {name!r}; there are {', '.join(INDEX_MODES)}")
    return INDEX_MODES[name]


def index_mode_numbered(number: int) -> IndexMode:
    """The mode that a file names.

    Raises:
        VersionError: it is not defined in this release: a file of the future.
    """
    for mode in INDEX_MODES.values():
        if mode.number == number:
            return mode
    raise VersionError(f"the file has index mode {number}, which this release does not know")
