"""Every error as one line and an exit code, also those that nobody raised on purpose."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import NamedTuple

from ulbic.errors import (
    DamagedError,
    ImageError,
    LimitError,
    NotUlbError,
    OutputError,
    UlbicError,
    VersionError,
)

from .arguments import STREAM

_OF_WRITING = {errno.EPIPE, errno.ENOSPC, errno.EIO, errno.EBADF, errno.EFBIG, getattr(errno, "EDQUOT", None)}
_OF_INPUTS = (ImageError, NotUlbError, VersionError, DamagedError, LimitError)

_NO_MEMORY = ("allocate memory", "out of memory", "bad_alloc", "failed to map", "can't start new thread")


class Fault(NamedTuple):
    """What is told of an error."""

    text: str
    exit_code: int


def fault(error: BaseException) -> Fault:
    """The account of an error; faults of ours are named by their type."""
    if isinstance(error, UlbicError):
        return Fault(str(error), error.exit_code)
    if _is_no_memory(error):
        return Fault("out of memory", UlbicError.exit_code)
    text = next(iter(str(error).splitlines()), "")
    if isinstance(error, OSError):
        if is_of_stdout(error):
            return Fault(f"cannot write to stdout: {error.strerror}", OutputError.exit_code)
        if error.filename is not None:
            return Fault(f"{error.filename!r}: {error.strerror}", UlbicError.exit_code)
    return Fault(f"{type(error).__name__}: {text} (a fault of ulbic)", UlbicError.exit_code)


def is_of_stdout(error: BaseException) -> bool:
    """Whether something could not be printed: all inputs and outputs have names."""
    return isinstance(error, OSError) and error.filename is None and error.errno in _OF_WRITING


def named(error: UlbicError, path: Path) -> UlbicError:
    """What is wrong with an input, by its name, where the message does not have it yet."""
    if path == STREAM or repr(str(path)) in str(error):
        return error
    of_the_input = isinstance(error, _OF_INPUTS) or str(error).startswith("the file ")
    return type(error)(f"{str(path)!r}: {error}") if of_the_input else error


def _is_no_memory(error: BaseException) -> bool:
    """Python's, torch's and the dynamic loader's words for it."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    likely = isinstance(error, (RuntimeError, ImportError, OSError))
    return likely and any(words in str(error) for words in _NO_MEMORY)
