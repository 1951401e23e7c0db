"""How far a long piece of work has come, for whoever wants to hear of it."""

from __future__ import annotations

from collections.abc import Callable

Listener = Callable[[float], None]  # called with the share that is done, rising from 0 to 1


class Progress:
    """Adds up work as it gets done, and tells a listener, where there is one, what share that is."""

    def __init__(self, listener: Listener | None, total: float) -> None:
        """`total`: all of the work, in any unit."""
        self._listener, self._total, self._done = listener, total, 0.0

    def add(self, work: float) -> None:
        self._done += work
        if self._listener is not None:
            self._listener(min(self._done / self._total, 1.0))


def unheard(_: int) -> None:
    """Where nobody counts."""
