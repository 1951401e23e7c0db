"""What a folder's results were made of, so that a later run knows which are not what it would make.

A folder of results has a hidden file of JSON lines, one a result; the last one of a name counts. A line is
appended when its result is there, so that several processes write, and any may be killed. What has no line,
or another size than its line says, is not ours to judge, and counts as existing only.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import Any

NAME = ".ulbic-results.jsonl"
_WITHOUT_EFFECT = {"device", "verify", "strict", "max_pixels"}  # settings that do not change a result


@dataclass(frozen=True)
class Source:
    """An input as it was."""

    bytes: int
    mtime_ns: int
    sha256: str  # its first 16 hex digits


@dataclass(frozen=True)
class Record:
    """One result: its size, a digest of the settings, and what it was made of."""

    bytes: int
    settings: str
    source: Source


def fingerprint(converter: Any) -> str:
    """16 hex digits of a converter's name and settings, as far as they change results.

    Args:
        converter: a `functools.partial` of a function; of any other callable the name alone counts.
    """
    bound = converter.args if isinstance(converter, functools.partial) else ()
    function = converter.func if isinstance(converter, functools.partial) else converter
    text = json.dumps([function.__name__, *map(_plain, bound)], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def look_at(path: Path) -> Source:
    """Size, time and digest of an input.

    Raises:
        OSError: it cannot be read.
    """
    status = os.stat(path)
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Source(status.st_size, status.st_mtime_ns, digest[:16])


def remember(output: Path, settings: str, source: Source) -> None:
    """Notes a result that has just been written; a folder that takes no note is no failure."""
    with contextlib.suppress(OSError):
        record = asdict(Record(output.stat().st_size, settings, source))
        line = json.dumps({"name": output.name, **record}) + "\n"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        handle = os.open(output.parent / NAME, flags, 0o666)
        try:
            os.write(handle, line.encode())
        finally:
            os.close(handle)


class Memory:
    """The records of any number of folders, each read once."""

    def __init__(self) -> None:
        self._folders: dict[Path, dict[str, Record]] = {}

    def is_stale(self, output: Path, source: Path, settings: str) -> bool:
        """Whether a result that is there was made by other settings or of another content of the source."""
        if output.parent not in self._folders:
            self._folders[output.parent] = _read(output.parent / NAME)
        record = self._folders[output.parent].get(output.name)
        try:
            if record is None or output.stat().st_size != record.bytes:
                return False
            return record.settings != settings or _has_changed(source, record.source)
        except OSError:
            return False


def _has_changed(path: Path, then: Source) -> bool:
    """By size and time; where only the time differs (a copy, a checkout), by content."""
    status = os.stat(path)
    if (status.st_size, status.st_mtime_ns) == (then.bytes, then.mtime_ns):
        return False
    return status.st_size != then.bytes or look_at(path).sha256 != then.sha256


def _read(path: Path) -> dict[str, Record]:
    """The records by name; lines that are none, such as one broken off, are passed over."""
    records = {}
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return {}
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            fields = json.loads(line)
            records[fields["name"]] = Record(
                int(fields["bytes"]), str(fields["settings"]), Source(**fields["source"])
            )
    return records


def _plain(value: Any) -> Any:
    """Settings as JSON has them: whatever has fields becomes an object without what has no effect."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    elif hasattr(value, "_asdict"):
        value = value._asdict()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items() if key not in _WITHOUT_EFFECT}
    if isinstance(value, Path) and value.is_file():  # weights: another file may have their name
        return [str(value.resolve()), value.stat().st_size, value.stat().st_mtime_ns]
    return value
