"""The curves that `log.jsonl` files hold, drawn; matplotlib is imported only here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

COLUMNS = 4


def draw_curves(logs: Sequence[Path], file: Path, smooth: int = 4, together: bool = False) -> None:
    """One panel a term of the loss, over the minutes of the stages of `logs` one after another.

    With `together` all of them begin at the left.

    Thin: the means that were logged; thick: the means of `smooth` of them.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    stages = [[json.loads(line) for line in log.read_text().splitlines()] for log in logs]
    terms = list(
        dict.fromkeys(key for stage in stages for key in stage[-1] if key not in ("step", "seconds"))
    )
    rows = -(-len(terms) // COLUMNS)
    figure, grid = pyplot.subplots(
        rows, COLUMNS, figsize=(4 * COLUMNS, 2.8 * rows), layout="constrained", squeeze=False
    )
    for axes, term in zip(grid.flat, terms, strict=False):
        start = 0.0
        for number, (log, stage) in enumerate(zip(logs, stages, strict=True)):
            points = [(start + entry["seconds"] / 60, entry[term]) for entry in stage if term in entry]
            start += 0 if together else stage[-1]["seconds"] / 60
            if points:
                colour = f"C{number}"
                axes.plot(*zip(*points, strict=True), color=colour, alpha=0.3, linewidth=0.8)
                axes.plot(*_smoothed(points, smooth), color=colour, label=log.parent.name)
        axes.set_title(term)
        axes.set_xlabel("minutes")
        axes.grid(alpha=0.25)
        axes.legend(frameon=False, fontsize=8)
    for axes in grid.flat[len(terms) :]:
        axes.set_visible(False)
    figure.savefig(file, dpi=90)
    pyplot.close(figure)


def _smoothed(points: list[tuple[float, float]], count: int) -> tuple[list[float], list[float]]:
    """Moving means of `count` points: (minutes, values)."""
    parts = [points[max(0, i - count + 1) : i + 1] for i in range(len(points))]
    return [minutes for minutes, _ in points], [sum(v for _, v in part) / len(part) for part in parts]
