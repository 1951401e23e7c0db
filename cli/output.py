"""Output files: refused where one exists, written beside their place and put there when complete. Pipes."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from ulbic.errors import InputError, OutputError

from .arguments import STREAM

_TEMPORARY = (".ulbic-", ".part")  # how the hidden name of a file that is being written begins and ends
_STALE = 60  # seconds: no file takes so long to write
_unfinished: set[str] = set()  # temporaries of this process


class ExistsError(OutputError):
    """The output exists, and may not be replaced."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{str(path)!r} exists; use --force to overwrite it")


def check_output(path: Path, force: bool) -> None:
    """Finds out before the work what would stop the result from being written.

    A pipe and a character device, such as /dev/null, are written into; they need no `force`.

    Raises:
        ExistsError: it is a file (and not `force`).
        OutputError: it is a folder, a socket or a block device, or its folder does not exist.
    """
    mode = _mode(path)
    if mode is None:
        folder = _target(path).parent
        if not os.path.isdir(folder):
            raise OutputError(f"cannot write {str(path)!r}: no folder {str(folder)!r}")
    elif stat.S_ISDIR(mode):
        raise OutputError(f"cannot write {str(path)!r}: it is a folder")
    elif stat.S_ISREG(mode):
        if not force:
            raise ExistsError(path)
    elif not (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)):
        raise OutputError(f"cannot write {str(path)!r}: it is neither a file nor a pipe")


def check_not_input(source: Path, output: Path) -> None:
    """Finds out whether the output is the input, by whatever names.

    Raises:
        OutputError: it is.
    """
    with contextlib.suppress(OSError):
        if source != STREAM and os.path.isfile(output) and os.path.samefile(source, output):
            raise OutputError(f"cannot write {str(output)!r}: it is the input; name another by -o")


def make_folder(path: Path) -> None:
    """Creates the folder and those above it, unless they are there.

    Raises:
        OutputError: it cannot be created.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot create the folder {str(path)!r}: {error.strerror}") from None


def check_folder(path: Path) -> None:
    """Finds out whether files can be put there, once `make_folder` was called.

    Raises:
        OutputError: the folder, or the first one above it that is there, is a file or may not be written.
    """
    there = next(folder for folder in (path, *path.parents) if os.path.lexists(folder))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        reason = os.strerror(errno.EACCES if there.is_dir() else errno.ENOTDIR)
        raise OutputError(f"cannot write into the folder {str(path)!r}: {reason}")


def read_stdin() -> bytes:
    """Everything that comes through the pipe.

    Raises:
        InputError: there is none, or it breaks.
    """
    if sys.stdin is None:
        raise InputError("stdin is closed")
    if sys.stdin.isatty():
        raise InputError("stdin is a terminal, not a file")
    try:
        return sys.stdin.buffer.read()
    except OSError as error:
        raise InputError(f"cannot read stdin: {error.strerror}") from None


def write_output(path: Path, data: bytes, *, replace: bool = True) -> None:
    """All of `data`, or nothing; to stdout where `path` is "-", and into a pipe or a device.

    Args:
        replace: take the place of a file that is there; see `new_file`.

    Raises:
        ExistsError: there is one, and it may not be replaced.
        OutputError: it cannot be written.
    """
    if path == STREAM:
        _write_stdout(data)
    elif is_special(path):
        try:
            with open(path, "wb") as file:
                file.write(data)
        except OSError as error:
            raise OutputError(f"cannot write {str(path)!r}: {error.strerror}") from None
    else:
        with new_file(path, replace=replace) as temporary:
            temporary.write_bytes(data)


@contextmanager
def new_file(path: Path, *, replace: bool = True) -> Iterator[Path]:
    """A path to write to; it takes the place of `path` when the block ends without an error.

    Where `path` is a symbolic link, its target is made. A file that is replaced leaves its permissions. Of
    several processes that make the same file without `replace`, one succeeds.

    Raises:
        ExistsError: there is a file, and not `replace`.
        OutputError: it cannot be written.
    """
    special, target = is_special(path), _target(path)
    prefix, suffix = _TEMPORARY
    try:
        folder = None if special else target.parent
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=prefix, suffix=suffix)
        _unfinished.add(temporary)
        os.close(handle)
        try:
            yield Path(temporary)
            if special:
                with open(temporary, "rb") as source, open(path, "wb") as sink:
                    shutil.copyfileobj(source, sink)
            else:
                _publish(temporary, target, replace)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            _unfinished.discard(temporary)
    except FileExistsError:
        raise ExistsError(path) from None
    except OSError as error:
        raise OutputError(f"cannot write {str(path)!r}: {error.strerror}") from None


def discard_unfinished() -> None:
    """Removes what this process is writing, before it ends in the middle of it."""
    for temporary in list(_unfinished):
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def remove_leftovers(folder: Path) -> None:
    """Removes what killed processes were writing; what is younger than a minute may be another's work."""
    with contextlib.suppress(OSError):
        for path in folder.glob("*".join(_TEMPORARY)):
            if time.time() - path.stat().st_mtime > _STALE:
                path.unlink()


def tell(text: str) -> None:
    """A line on stderr; one that cannot be written is no reason to stop."""
    try:
        click.echo(f"ulbic: {text}", err=True)
    except OSError:
        if sys.stderr is sys.__stderr__:
            mute(2)


def mute(stream: int) -> None:
    """Sends the rest of stdout (1) or stderr (2) nowhere: Python flushes it once more when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream)


def is_special(path: Path) -> bool:
    """Whether it is there, but neither a file nor a folder: a pipe or a device."""
    mode = _mode(path)
    return mode is not None and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _publish(temporary: str, target: Path, replace: bool) -> None:
    """Gives a complete file its name, in one step that others see."""
    if replace:
        _take_over(temporary, target)
        os.replace(temporary, target)
        return
    os.chmod(temporary, 0o666 & ~_umask())
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without links: an empty file holds the place for a moment
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        os.replace(temporary, target)


def _take_over(temporary: str, target: Path) -> None:
    """Owner, where this user may give it, and permissions of the file that is to be replaced, if any."""
    try:
        old = os.stat(target)
    except FileNotFoundError:
        os.chmod(temporary, 0o666 & ~_umask())
        return
    if hasattr(os, "chown"):
        with contextlib.suppress(OSError):
            os.chown(temporary, old.st_uid, old.st_gid)
    os.chmod(temporary, old.st_mode & 0o777)


def _target(path: Path) -> Path:
    """Where a symbolic link leads to, be it there or not; any other path itself."""
    return Path(os.path.realpath(path)) if os.path.islink(path) else path


def _mode(path: Path) -> int | None:
    """Kind and permissions of what is at the end of all links; None where nothing is there.

    Raises:
        OutputError: it cannot be found out (name too long, links in a circle, no permission).
    """
    try:
        return os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise OutputError(f"cannot write {str(path)!r}: {error.strerror}") from None


def _write_stdout(data: bytes) -> None:
    if sys.stdout is None:
        raise OutputError("cannot write to stdout: it is closed")
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        mute(1)
        raise OutputError(f"cannot write to stdout: {error.strerror}") from None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
