"""Whole files: their bytes and their digests. Free of heavy imports."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ulbic.errors import InputError


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """The whole file.

    Raises:
        InputError: it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {os.fspath(path)!r}: {error.strerror}") from None


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
