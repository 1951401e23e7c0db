"""Output files: refused where one exists, written beside their place and moved there when complete. Pipes."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ulbic.errors import InputError, OutputError

from .plan import STREAM

_TEMPORARY = (".ulbic-", ".part")  # how the hidden name of a file that is being written begins and ends
_STALE = 60  # seconds: no file takes so long to write


def check_output(path: Path, force: bool) -> None:
    """Finds out before the work what would stop the result from being written.

    Raises:
        OutputError: it exists (and not `force`), is a folder, or its folder does not exist.
    """
    if path.is_dir():
        raise OutputError(f"cannot write {str(path)!r}: it is a folder")
    if path.exists() and not force:
        raise OutputError(f"{str(path)!r} exists; use --force to overwrite it")
    if not path.parent.is_dir():
        raise OutputError(f"cannot write {str(path)!r}: no folder {str(path.parent)!r}")


def make_folder(path: Path) -> None:
    """Creates the folder and those above it, unless they are there.

    Raises:
        OutputError: it cannot be created.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot create the folder {str(path)!r}: {error.strerror}") from None


def read_stdin() -> bytes:
    """Everything that comes through the pipe.

    Raises:
        InputError: there is none, or it breaks.
    """
    if sys.stdin.isatty():
        raise InputError("stdin is a terminal, not a file")
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise InputError(f"cannot read stdin: {error.strerror}") from None


def write_output(path: Path, data: bytes) -> None:
    """All of `data`, or nothing; to stdout where `path` is "-".

    Raises:
        OutputError: it cannot be written.
    """
    if path == STREAM:
        _write_stdout(data)
    else:
        with new_file(path) as temporary:
            temporary.write_bytes(data)


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes that place when the block ends without an error.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        prefix, suffix = _TEMPORARY
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=prefix, suffix=suffix)
        os.close(handle)
        try:
            yield Path(temporary)
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise OutputError(f"cannot write {str(path)!r}: {error.strerror}") from None


def remove_leftovers(folder: Path) -> None:
    """Removes what killed processes were writing; what is younger than a minute may be another's work."""
    for path in folder.glob("*".join(_TEMPORARY)):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _STALE:
                path.unlink()


def _write_stdout(data: bytes) -> None:
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            # Python flushes stdout once more when it ends, which would fail again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise OutputError(f"cannot write to stdout: {error.strerror}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
