"""Published rate-distortion points, kept as data in `anchors/`."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from importlib import resources

from .records import Curve

COLUMNS = ("bpp", "psnr", "ms_ssim", "lpips_alex")


def published_curves(dataset: str = "kodak", max_bpp: float = 0.25) -> list[Curve]:
    """The published curves of a data set, by source, with at least three points up to that rate.

    A method that two repositories report has two curves. The rows' LPIPS is that of AlexNet, and so has no
    place beside another network's.
    """
    text = resources.files(__package__).joinpath("anchors/published.csv").read_text()
    groups: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in csv.DictReader(text.splitlines()):
        if row["dataset"] == dataset and float(row["bpp"]) <= max_bpp:
            method = re.sub(r" \[.*\]$", "", row["method"])  # the setting, in one of the sources
            groups.setdefault((method, row["source"]), []).append(row)
    return [
        _curve(method, source, sorted(rows, key=lambda row: float(row["bpp"])))
        for (method, source), rows in groups.items()
        if len(rows) > 2
    ]


def _curve(method: str, source: str, rows: Iterable[dict[str, str]]) -> Curve:
    rows = list(rows)
    columns = {
        column: tuple(float(row[column]) if row[column] else None for row in rows) for column in COLUMNS
    }
    return Curve(source, method, tuple(range(1, len(rows) + 1)), columns)
