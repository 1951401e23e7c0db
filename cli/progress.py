"""A bar for one long piece of work."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

import click

_PATIENCE = 1.0  # seconds without a bar: what is done by then needs none


@contextlib.contextmanager
def progress_bar(hidden: bool) -> Iterator[Callable[[float], None]]:
    """Gives what is to be called with the share that is done; it shows on a terminal's stderr alone."""
    started, bar = time.monotonic(), None
    hidden = hidden or sys.stderr is None or not sys.stderr.isatty()
    with contextlib.ExitStack() as stack:

        def listen(share: float) -> None:
            nonlocal bar
            if hidden or (bar is None and time.monotonic() - started < _PATIENCE):
                return
            if bar is None:
                bar = stack.enter_context(click.progressbar(length=100, file=sys.stderr, show_eta=True))
            bar.update(int(100 * share) - bar.pos)

        yield listen
