"""How well held-out pictures were told apart: top-1, what was taken for what, and a picture of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor


@dataclass(frozen=True)
class Judgement:
    """The confusion of classes: rows are what pictures are, columns what they were taken for."""

    names: tuple[str, ...]
    confusion: np.ndarray  # (classes, classes) int64

    @classmethod
    def of(cls, names: tuple[str, ...], labels: Tensor, guesses: Tensor) -> Judgement:
        """Of two (n,) int64."""
        count = len(names)
        flat = (labels.cpu() * count + guesses.cpu()).bincount(minlength=count**2)
        return cls(names, flat.view(count, count).numpy())

    @property
    def top1(self) -> float:
        """Share of the pictures that were recognised."""
        return float(self.confusion.trace() / self.confusion.sum())

    @property
    def chance(self) -> float:
        """What naming the most frequent class each time would reach."""
        return float(self.confusion.sum(axis=1).max() / self.confusion.sum())


def write_judgement(folder: Path, name: str, judgement: Judgement, account: dict[str, Any]) -> Sequence[Path]:
    """`NAME.json`, the account with the confusion, and `NAME.png`, its picture; overwrites both."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.{suffix}" for suffix in ("json", "png")]
    content = {
        **account,
        "top1": round(judgement.top1, 4),
        "chance": round(judgement.chance, 4),
        "classes": judgement.names,
        "confusion": judgement.confusion.tolist(),
    }
    paths[0].write_text(json.dumps(content, indent=1) + "\n")
    draw(judgement, paths[1])
    return paths


def draw(judgement: Judgement, file: Path) -> None:
    """Every row in shares of its class, the numbers of pictures written into its cells (up to 30 classes)."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    counts, classes = judgement.confusion, range(len(judgement.names))
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    side = min(3 + 0.4 * len(classes), 20)
    figure, axes = pyplot.subplots(figsize=(side, side), layout="constrained")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(classes) <= 30:
        for row in classes:
            for column in classes:
                if counts[row, column]:
                    colour = "white" if shares[row, column] > 0.5 else "black"
                    text = str(counts[row, column])
                    axes.text(column, row, text, ha="center", va="center", fontsize=7, color=colour)
    axes.set_xticks(classes, judgement.names, rotation=90, fontsize=8)
    axes.set_yticks(classes, judgement.names, fontsize=8)
    axes.set_xlabel("taken for")
    axes.set_ylabel("is")
    axes.set_title(f"top-1 {judgement.top1:.1%}")
    figure.savefig(file, dpi=100)
    pyplot.close(figure)
