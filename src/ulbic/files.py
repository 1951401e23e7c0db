"""Whole files: their bytes and their digests. Free of heavy imports."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from ulbic.errors import InputError

File = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
)  # a path, the bytes, or an open file


def read_file(source: File) -> bytes:
    """The bytes of a file, whatever stands for it; an open one is read from where it is to its end.

    Raises:
        InputError: it cannot be read, or is none of these.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    if isinstance(source, (str, os.PathLike)):
        return read_bytes(source)
    try:
        data = source.read()
    except (AttributeError, OSError) as error:
        raise InputError(f"cannot read {type(source).__name__}: {error}") from None
    if not isinstance(data, bytes):
        raise InputError("the open file gives text; open it in binary mode")
    return data


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The whole file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {os.fspath(path)!r}: {error.strerror}") from None


def check_readable(path: Path) -> None:
    """Finds out whether a file is there and may be read, without opening it.

    Raises:
        InputError: it is not, or may not be.
    """
    try:
        os.stat(path)
    except OSError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror}") from None
    if path.is_dir() or not os.access(path, os.R_OK):
        reason = os.strerror(errno.EISDIR if path.is_dir() else errno.EACCES)
        raise InputError(f"cannot read {str(path)!r}: {reason}")


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
