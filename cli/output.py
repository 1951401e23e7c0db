"""Output files: refused where one exists, written beside their place, and moved there when complete."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ulbic.errors import OutputError


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


def write_output(path: Path, data: bytes) -> None:
    """All of `data`, or nothing.

    Raises:
        OutputError: it cannot be written.
    """
    with new_file(path) as temporary:
        temporary.write_bytes(data)


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes that place when the block ends without an error.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
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


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
