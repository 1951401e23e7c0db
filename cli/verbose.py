"""`--verbose`: what the codec says of its decisions (logger "ulbic", level INFO), as lines on stderr."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path

from .output import tell

_LOGGER = logging.getLogger("ulbic")
_subject: ContextVar[str] = ContextVar("_subject", default="")


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        name = _subject.get()
        tell(f"{name}: {record.getMessage()}" if name else record.getMessage())


def listen() -> logging.Handler:
    """Shows the lines from now on, in this process; returns what does it."""
    lines = _Lines()
    _LOGGER.addHandler(lines)
    _LOGGER.setLevel(logging.INFO)
    return lines


@contextlib.contextmanager
def listening(wanted: bool) -> Iterator[None]:
    """Shows the lines until the end of the block, where they are wanted."""
    if not wanted:
        yield
        return
    before = _LOGGER.level
    lines = listen()
    try:
        yield
    finally:
        _LOGGER.removeHandler(lines)
        _LOGGER.setLevel(before)


@contextlib.contextmanager
def about(path: Path) -> Iterator[None]:
    """Begins the lines of the block with the name of a file."""
    token = _subject.set(str(path))
    try:
        yield
    finally:
        _subject.reset(token)
