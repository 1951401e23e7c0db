"""Ctrl-C, and being told to end: an exception like any other, so that everything is tidied up on the way out.

Before the command is loaded, and after it has ended, there is nothing to tidy up: the process ends at once.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from types import FrameType
from typing import NoReturn

_WORDS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "hung up"}
_NUMBERS = {number: words for name, words in _WORDS.items() if (number := getattr(signal, name, None))}


class Stopped(KeyboardInterrupt):
    """A signal came; its number is the only argument."""

    @property
    def exit_code(self) -> int:
        """What shells say of a process that a signal ended: 130 for Ctrl-C."""
        return 128 + int(self.args[0])

    def __str__(self) -> str:
        return _NUMBERS[self.args[0]]


came: list[Stopped] = []  # an import that one breaks off may raise something else instead


def end_at_once() -> None:
    """For the time before and after the work."""
    _handle(_end)


def raise_stopped() -> None:
    """For the time of the work: the first signal raises `Stopped`, the second one ends the process."""
    _handle(_raise)


def _handle(handler: object) -> None:
    """Leaves alone what the parent wants ignored (nohup, and shells in the background)."""
    for number in _NUMBERS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)  # type: ignore[arg-type]


def _end(number: int, _: FrameType | None) -> NoReturn:
    stopped = Stopped(number)
    with contextlib.suppress(OSError):
        os.write(2, f"ulbic: {stopped}\n".encode())
    os._exit(stopped.exit_code)


def _raise(number: int, _: FrameType | None) -> NoReturn:
    came.append(Stopped(number))
    end_at_once()
    raise Stopped(number)


def ended_by_signal(error: BaseException) -> Stopped | None:
    """The signal behind an error, if there is one."""
    if isinstance(error, Stopped):
        return error
    if came:
        return came[0]
    return Stopped(signal.SIGINT) if isinstance(error, KeyboardInterrupt) else None


def open_standard_streams() -> None:
    """Gives closed ones to /dev/null: the next file that is opened would take their place, and get prints."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
