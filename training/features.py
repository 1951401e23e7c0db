"""What pictures are told apart by: the predictor's encoder, the same untrained, or a histogram of codes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from ulbic.models.contrast import pooled
from ulbic.models.model import UlbicModel
from ulbic.models.predictor import MaskPredictor

from .classes import LabelledPicture
from .data import prepared
from .views import centre_view, cut, random_view

Kind = Literal["predictor", "random", "histogram"]
SIZE = 256  # pixels per side of what is shown: one window of indices
BATCH = 32


@dataclass(frozen=True)
class Extractor:
    """Crops to feature vectors, the tokenizer in front in all cases."""

    model: UlbicModel
    kind: Kind
    predictor: MaskPredictor

    @property
    def width(self) -> int:
        """Values of a vector."""
        if self.kind == "histogram":
            return self.model.config.tokenizer.codes
        return self.predictor.config.width

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        """(B, 3, 256, 256) in [0, 1] to (B, width): nothing masked, the mean without [C]."""
        indices = self.model.tokenizer.indices(x)
        if self.kind == "histogram":
            counts = torch.zeros(len(x), self.width, device=x.device)
            flat = indices.flatten(1)
            return counts.scatter_add_(1, flat, torch.ones_like(flat, dtype=counts.dtype)) / flat.shape[1]
        return pooled(self.predictor.encode(indices, torch.zeros_like(indices, dtype=torch.bool)))


def make_extractor(kind: Kind, model: UlbicModel, seed: int = 0) -> Extractor:
    """ "random" has the predictor's architecture with weights drawn anew, behind the trained tokenizer."""
    predictor = model.predictor
    if kind == "random":
        torch.manual_seed(seed)
        device = predictor.decoder_pos_embed_learned.device
        sides = predictor.assist_embed.in_features, int(predictor.assist_pos.shape[1] ** 0.5)
        predictor = MaskPredictor(predictor.config, *sides).to(device)
    return Extractor(model.eval(), kind, predictor.eval())


def centre_features(
    extractor: Extractor, pictures: Sequence[LabelledPicture], device: str, workers: int = 1
) -> Tensor:
    """(n, width) float32 on the CPU, of the square in the middle of every picture."""
    return _features(extractor, pictures, device, workers, None, 1.0)


def view_features(
    extractor: Extractor,
    pictures: Sequence[LabelledPicture],
    device: str,
    seed: Sequence[int],
    smallest: float,
    workers: int = 1,
) -> Tensor:
    """The same of a random view of every picture, of at least the share `smallest` of its area."""
    return _features(extractor, pictures, device, workers, seed, smallest)


def _features(
    extractor: Extractor,
    pictures: Sequence[LabelledPicture],
    device: str,
    workers: int,
    seed: Sequence[int] | None,
    smallest: float,
) -> Tensor:
    def show(numbered: tuple[int, LabelledPicture]) -> Tensor:
        number, picture = numbered
        pixels = picture.read()
        height, width = pixels.shape[:2]
        if seed is None:
            return cut(pixels, centre_view(height, width), SIZE)
        rng = np.random.default_rng((*seed, number))
        return cut(pixels, random_view(rng, height, width, smallest), SIZE)

    shown = prepared(show, iter(enumerate(pictures)), workers)
    return torch.cat([extractor(batch.to(device)).float().cpu() for batch in batched(shown)])


def batched(crops: Iterator[Tensor]) -> Iterator[Tensor]:
    """(B, ...) of so many as an extractor is given at once."""
    while batch := list(itertools.islice(crops, BATCH)):
        yield torch.stack(batch).contiguous(memory_format=torch.channels_last)


def labels_of(pictures: Sequence[LabelledPicture]) -> Tensor:
    """(n,) int64."""
    return torch.tensor([picture.label for picture in pictures])
