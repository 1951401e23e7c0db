"""Files and figures of earlier runs, by picture, codec and setting, so that a broken-off run goes on.

An entry is two files: the coded bytes, then the figures as JSON. What a broken-off write leaves of the second
does not parse, and counts as absent.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from .records import Record


class Cache:
    """A folder that holds the results of one or more runs."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder

    @staticmethod
    def key(picture_digest: str, codec_version: str, setting: int) -> str:
        """SHA-256 of what decides a file and its decoded picture, hex."""
        return hashlib.sha256(f"{picture_digest}\n{codec_version}\n{setting}".encode()).hexdigest()

    def load(self, key: str) -> Record | None:
        """The record under that key, if it was completely written."""
        try:
            return Record(**json.loads(self._figures(key).read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def data(self, key: str) -> bytes:
        """The coded file under a key that has a record."""
        return self._file(key).read_bytes()

    def store_data(self, key: str, data: bytes) -> None:
        """Writes the coded file; the entry counts once its record is there too."""
        self._file(key).write_bytes(data)

    def store_record(self, key: str, record: Record) -> None:
        """Writes or replaces the record of a stored file."""
        self._figures(key).write_text(json.dumps(asdict(record)))

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.bin"

    def _figures(self, key: str) -> Path:
        return self.folder / f"{key}.json"
