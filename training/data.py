"""Training pictures: tar shards decoded once into one memory-mapped file, and an endless stream of crops."""

from __future__ import annotations

import io
import itertools
import tarfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from ulbic.errors import InputError


class PictureStore:
    """RGB pictures in one flat uint8 file, with their shapes and offsets beside it."""

    def __init__(self, folder: Path) -> None:
        self.shapes = np.load(folder / "shapes.npy")  # (n, 2): height, width
        self.offsets = np.concatenate([[0], np.cumsum(self.shapes.prod(axis=1) * 3)])
        self.bytes = np.memmap(folder / "pixels.bin", np.uint8, "r")

    def __len__(self) -> int:
        return len(self.shapes)

    def __getitem__(self, index: int) -> np.ndarray:
        """Picture `index`, HWC uint8."""
        start, end = self.offsets[index : index + 2]
        return self.bytes[start:end].reshape(*self.shapes[index], 3)


def open_store(shards: list[Path], cache: Path) -> PictureStore:
    """Decodes the shards into `cache` unless that was done before.

    Raises:
        InputError: no shards were given.
    """
    if not shards:
        raise InputError("no training shards (shard-*.tar) found")
    folder = cache / f"pictures-{len(shards)}"
    if not (folder / "shapes.npy").exists():
        folder.mkdir(parents=True, exist_ok=True)
        shapes = []
        with open(folder / "pixels.bin", "wb") as out:
            for picture in _read_shards(shards):
                shapes.append(picture.shape[:2])
                out.write(picture.tobytes())
        np.save(folder / "shapes.npy", np.array(shapes, np.int64))
    return PictureStore(folder)


def _read_shards(shards: list[Path]) -> Iterator[np.ndarray]:
    for shard in shards:
        with tarfile.open(shard) as tar:
            for member in tar:
                file = tar.extractfile(member)
                if file is not None:
                    yield np.asarray(Image.open(io.BytesIO(file.read())).convert("RGB"))


Item = TypeVar("Item")
Made = TypeVar("Made")


def prepared(make: Callable[[Item], Made], items: Iterator[Item], workers: int) -> Iterator[Made]:
    """`make` of every item, in order, some of them ahead in threads."""
    with ThreadPoolExecutor(workers) as pool:
        ahead = deque(pool.submit(make, item) for item in itertools.islice(items, 3 * workers))
        while ahead:
            made = ahead.popleft().result()
            ahead.extend(pool.submit(make, item) for item in itertools.islice(items, 1))
            yield made


class Place(NamedTuple):
    """Where a crop lies, in pixels of a picture."""

    picture: int  # its number
    side: int
    top: int
    left: int
    mirrored: bool


class Crops:
    """Endless batches of random crops, prepared ahead in threads. (B, 3, size, size) in [0, 1].

    What a step is given depends on the seed and the step alone, so that a resumed run goes on exactly.
    """

    def __init__(
        self,
        store: PictureStore,
        batch: int,
        size: int = 256,
        seed: int = 0,
        step: int = 0,
        workers: int = 1,
        rows: slice = slice(None),
    ) -> None:
        """`rows` of every batch are cut; the others are left to other processes."""
        self._store, self._batch, self._size, self._seed, self._rows = store, batch, size, seed, rows
        self._batches = prepared(self._make, itertools.count(step), workers)

    def __iter__(self) -> Iterator[Tensor]:
        return self

    def __next__(self) -> Tensor:
        return next(self._batches)

    def _make(self, step: int) -> Tensor:
        rng = np.random.default_rng((self._seed, step))
        places = [self._place(rng) for _ in range(self._batch)]
        crops = torch.stack([self._cut(place) for place in places[self._rows]])
        return crops.contiguous(memory_format=torch.channels_last)

    def _place(self, rng: np.random.Generator) -> Place:
        """A crop at the picture's own scale, or one of up to twice the side, to be area-resized.

        Pictures are met as often as their area says, so that large ones are not all seen from afar.
        """
        picture = int(np.searchsorted(self._store.offsets, rng.integers(len(self._store.bytes)), "right")) - 1
        height, width = self._store.shapes[picture]
        largest = min(height, width, 2 * self._size)
        freely = rng.random() >= 0.4
        side = rng.integers(self._size, max(self._size, largest) + 1) if freely else self._size
        side = min(largest, side)
        top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
        return Place(picture, int(side), int(top), int(left), bool(rng.random() < 0.5))

    def _cut(self, place: Place) -> Tensor:
        """(3, size, size) in [0, 1]."""
        rows, columns = slice(place.top, place.top + place.side), slice(place.left, place.left + place.side)
        crop = self._store[place.picture][rows, columns]
        if place.mirrored:
            crop = crop[:, ::-1]
        tensor = torch.from_numpy(crop.copy()).permute(2, 0, 1)[None].float() / 255
        if place.side != self._size:
            tensor = F.interpolate(tensor, (self._size,) * 2, mode="bilinear", antialias=True)
        return tensor[0]
