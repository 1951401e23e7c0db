"""One worker thread that does jobs one after another, and tells of each as it goes."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

from ulbic.errors import UlbicError

MAX_WAITING = 8  # jobs; each holds the file it is about


@dataclass(frozen=True)
class Event:
    """Something that is told of a job: a line of JSON, and bytes that belong to it."""

    fields: dict[str, Any]
    data: bytes = b""

    def pack(self) -> bytes:
        """The line, in which `size` is the number of the bytes that follow it."""
        size = {"size": len(self.data)} if self.data else {}
        return json.dumps(self.fields | size).encode() + b"\n" + self.data


Tell = Callable[[Event], None]
Job = Callable[[Tell], None]  # tells of its steps and results; ends early when telling raises


class BusyError(UlbicError):
    """So many jobs wait that another is not taken."""


class _CancelledError(Exception):
    """Nobody wants the result any more."""


@dataclass(frozen=True)
class Ticket:
    """A job that was handed in; whoever listens gets its events, then None."""

    job: Job
    listener: Callable[[Event | None], None]
    _cancelled: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Ends the job before its next step; does nothing to one that has ended."""
        self._cancelled.set()

    def tell(self, event: Event) -> None:
        if self._cancelled.is_set():
            raise _CancelledError
        self.listener(event)

    def run(self) -> None:
        """Does the job. Warnings become notes, and an error the last event but None, in one line."""
        with suppress(_CancelledError):
            try:
                with warnings.catch_warnings(record=True) as caught:
                    warnings.simplefilter("always", UserWarning)
                    self.tell(Event({"step": "Starting"}))
                    self.job(self.tell)
                for warning in caught:
                    if issubclass(warning.category, UserWarning):
                        self.tell(Event({"note": _line(warning.message)}))
                self.tell(Event({"done": True}))
            except UlbicError as error:
                self.tell(Event({"error": _line(error), "code": error.exit_code}))
            except _CancelledError:
                raise
            except Exception as error:  # a fault of ours, or no memory: the server goes on
                line = f"{type(error).__name__}: {_line(error)}".removesuffix(": ")
                self.tell(Event({"error": line, "code": UlbicError.exit_code}))
        self.listener(None)


class Worker:
    """The thread. It does not keep the process alive."""

    def __init__(self) -> None:
        self._tickets: SimpleQueue[Ticket | None] = SimpleQueue()
        self._busy = False
        self._thread = threading.Thread(target=self._work, name="ulbic-worker", daemon=True)
        self._thread.start()

    def submit(self, job: Job, listener: Callable[[Event | None], None]) -> Ticket:
        """Hands in a job; `listener` is called in the worker thread.

        Raises:
            BusyError: too many wait.
        """
        if self.full:
            raise BusyError("too many jobs wait; try again when they are done")
        ticket = Ticket(job, listener)
        if self._busy:
            listener(Event({"step": "Waiting for earlier work"}))
        self._tickets.put(ticket)
        return ticket

    @property
    def full(self) -> bool:
        """Whether another job would be refused."""
        return self._tickets.qsize() >= MAX_WAITING

    def close(self) -> None:
        """Lets the thread end after the jobs that wait."""
        self._tickets.put(None)

    def ended(self, seconds: float) -> bool:
        """Waits so long, and says whether the closed thread has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (ticket := self._tickets.get()) is not None:
            self._busy = True
            with suppress(RuntimeError):  # the listener's event loop is closed: the server has ended
                ticket.run()
            self._busy = False
            del ticket  # and with it the picture


def _line(text: object) -> str:
    return " ".join(str(text).split())
