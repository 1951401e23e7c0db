"""Which pictures a benchmark runs on."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from ulbic.errors import InputError, UlbicError
from ulbic.files import read_bytes


@dataclass(frozen=True)
class Picture:
    """A picture file that can be decoded."""

    name: str  # unique among the pictures of a run
    path: Path
    digest: str  # SHA-256 of the file, hex

    def load(self) -> Image.Image:
        """8-bit RGB, without the metadata that some codecs would write into their files."""
        from ulbic.codec.images import load_picture

        picture = load_picture(self.path)
        picture.info.clear()
        return picture


def open_pictures(places: Iterable[Path]) -> tuple[list[Picture], list[str]]:
    """Pictures among the files and in the folders given, and a line for everything that is none.

    Raises:
        UlbicError: there is no picture at all.
    """
    paths: list[Path] = []
    errors: list[UlbicError] = []
    for place in places:
        inside = _pictures_in(place) if place.is_dir() else [place]
        if not inside:
            errors.append(InputError(f"no pictures in {str(place)!r}"))
        paths += inside
    repeated = {name for name, count in Counter(path.name for path in paths).items() if count > 1}
    pictures = []
    for path in paths:
        try:
            digest = hashlib.sha256(read_bytes(path)).hexdigest()
            picture = Picture(str(path) if path.name in repeated else path.name, path, digest)
            picture.load()
        except UlbicError as error:
            errors.append(error)
        else:
            pictures.append(picture)
    problems = [str(error) for error in errors]
    if not pictures:
        raise errors[0] if len(errors) == 1 else InputError("; ".join(problems))
    return pictures, problems


def _pictures_in(folder: Path) -> list[Path]:
    """Files whose suffix says that Pillow reads them, by name."""
    suffixes = Image.registered_extensions()
    return sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in suffixes)
