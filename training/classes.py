"""Pictures with classes: a folder of class folders, or training shards whose source sets are the classes."""

from __future__ import annotations

import csv
import itertools
import tarfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ulbic.codec.images import load_picture
from ulbic.errors import ImageError, InputError

from .data import prepared
from .views import cut, random_view

MANIFEST = "manifest.csv"  # of shards: shard, name, set, ...
TRAINING, HELD_OUT = "train", "val"  # subfolders of a folder that is split already


@dataclass(frozen=True)
class LabelledPicture:
    """Where a picture lies, and its class."""

    path: Path
    label: int = 0
    offset: int = 0  # bytes; pictures of a shard lie within it
    size: int = -1

    def read(self) -> np.ndarray:
        """HWC uint8, RGB.

        Raises:
            InputError: the file cannot be read; ImageError: it is not a picture.
        """
        try:
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                data = file.read(self.size)
        except OSError as error:
            raise InputError(f"cannot read {str(self.path)!r}: {error.strerror}") from None
        try:
            return np.asarray(load_picture(data))
        except ImageError:
            raise ImageError(f"{str(self.path)!r} is not a picture that can be read") from None


@dataclass(frozen=True)
class ClassSet:
    """Pictures to learn from and pictures to be judged by; no picture is in both."""

    names: tuple[str, ...]  # of the classes, by label
    training: tuple[LabelledPicture, ...]
    held_out: tuple[LabelledPicture, ...]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which of a folder's pictures count, and which of them are held out."""

    held_out: float = 0.2  # share of every class, where the folder is not split into `train` and `val`
    at_least: int = 2  # pictures of a class; smaller classes are left out
    at_most: int | None = None  # likewise; of larger ones so many are drawn
    seed: int = 0


def open_classes(folder: Path, choice: Choice = Choice()) -> ClassSet:
    """The classes of a folder, in alphabetical order.

    A folder with a `manifest.csv` holds shards. One with the subfolders `train` and `val` is split already,
    and `choice` only says which classes count.

    Raises:
        InputError: it cannot be read, or has fewer than two classes.
    """
    if not folder.is_dir():
        raise InputError(f"no folder {str(folder)!r}")
    if all((folder / part).is_dir() for part in (TRAINING, HELD_OUT)):
        return _already_split(folder, choice)
    found = _sets_of_shards(folder) if (folder / MANIFEST).exists() else _class_folders(folder)
    classes = _chosen(found, choice, folder)
    rng = np.random.default_rng((choice.seed, 1))
    training: list[LabelledPicture] = []
    held_out: list[LabelledPicture] = []
    for label, pictures in enumerate(classes.values()):
        drawn = [replace(pictures[i], label=label) for i in rng.permutation(len(pictures))]
        count = min(max(1, round(choice.held_out * len(drawn))), len(drawn) - 1)
        held_out += drawn[:count]
        training += drawn[count:]
    return ClassSet(tuple(classes), tuple(training), tuple(held_out))


def _already_split(folder: Path, choice: Choice) -> ClassSet:
    training, held_out = _chosen(_class_folders(folder / TRAINING), choice, folder), {}
    for name, pictures in _class_folders(folder / HELD_OUT).items():
        if name in training:
            held_out[name] = pictures
    missing = [name for name in training if not held_out.get(name)]
    if missing:
        raise InputError(f"no pictures of the class {missing[0]!r} in {str(folder / HELD_OUT)!r}")
    parts = (
        tuple(replace(p, label=label) for label, name in enumerate(training) for p in part[name])
        for part in (training, held_out)
    )
    return ClassSet(tuple(training), *parts)


def _chosen(
    found: dict[str, list[LabelledPicture]], choice: Choice, folder: Path
) -> dict[str, list[LabelledPicture]]:
    """Classes that are large enough, none of them larger than is wanted."""
    rng = np.random.default_rng((choice.seed, 0))
    large = {name: p for name, p in sorted(found.items()) if len(p) >= max(choice.at_least, 2)}
    if len(large) < 2:
        least = max(choice.at_least, 2)
        raise InputError(f"no two class folders of at least {least} pictures in {str(folder)!r}")
    return {
        name: [p[i] for i in sorted(rng.permutation(len(p))[: choice.at_most])] for name, p in large.items()
    }


def _class_folders(folder: Path) -> dict[str, list[LabelledPicture]]:
    """The pictures below every subfolder; hidden files and what no reader of Pillow's knows are left out."""
    Image.init()
    known = Image.registered_extensions()
    try:
        places = sorted(path for path in folder.iterdir() if path.is_dir() and path.name[0] != ".")
        files = {place.name: sorted(filter(Path.is_file, place.rglob("[!.]*"))) for place in places}
    except OSError as error:
        raise InputError(f"cannot read {str(folder)!r}: {error.strerror}") from None
    return {
        name: [LabelledPicture(path) for path in paths if path.suffix.lower() in known]
        for name, paths in files.items()
    }


def _sets_of_shards(folder: Path) -> dict[str, list[LabelledPicture]]:
    """The pictures of all shards by source set, as the manifest says."""
    found: dict[str, list[LabelledPicture]] = defaultdict(list)
    try:
        with open(folder / MANIFEST, newline="") as file:
            sets = {(int(row["shard"]), row["name"]): row["set"] for row in csv.DictReader(file)}
        for shard in sorted({shard for shard, _ in sets}):
            path = folder / f"shard-{shard:02}.tar"
            with tarfile.open(path) as tar:
                for member in tar:
                    if (name := sets.get((shard, member.name))) is not None:
                        found[name].append(LabelledPicture(path, 0, member.offset_data, member.size))
    except (OSError, KeyError, ValueError, tarfile.TarError) as error:
        raise InputError(f"cannot read the shards in {str(folder)!r}: {error}") from None
    return found


class Labelled(NamedTuple):
    """A batch of views and their classes."""

    x: Tensor  # (B, 3, size, size) in [0, 1]
    labels: Tensor  # (B,) int64

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Labelled:
        """The batch on a device."""
        return Labelled(*(part.to(device, non_blocking=non_blocking) for part in self))


def labelled_views(
    pictures: tuple[LabelledPicture, ...],
    batch: int,
    size: int = 256,
    seed: int = 0,
    step: int = 0,
    workers: int = 1,
    rows: slice = slice(None),
) -> Iterator[Labelled]:
    """Endless batches of random views; what a step is given depends on the seed and the step alone.

    `rows` of every batch are cut.
    """

    def make(step: int) -> Labelled:
        rng = np.random.default_rng((seed, step))
        drawn = [(pictures[i], int(rng.integers(2**63))) for i in rng.integers(len(pictures), size=batch)]
        chosen = drawn[rows]
        x = torch.stack([_random_cut(picture, seed, size) for picture, seed in chosen])
        labels = torch.tensor([picture.label for picture, _ in chosen])
        return Labelled(x.contiguous(memory_format=torch.channels_last), labels)

    return prepared(make, itertools.count(step), workers)


def _random_cut(picture: LabelledPicture, seed: int, size: int) -> Tensor:
    pixels = picture.read()
    return cut(pixels, random_view(np.random.default_rng(seed), *pixels.shape[:2]), size)
