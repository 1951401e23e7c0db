"""Seconds and peak memory of whole processes, for pictures of 1, 12 and 100 megapixels.

    python -m ulbic.benchmarks.large PICTURE... -o large.md [--megapixels 12] [--against TREE] [--repeat 3]

The pictures are laid side by side, again and again, until there are as many pixels as asked for (4:3). With
`--against`, the commands of another state of the code take turns with this one's: TREE is what to put into
PYTHONPATH for it. OMP_NUM_THREADS says how many threads are used; CPU seconds are those of all of them.
"""

from __future__ import annotations

import math
import os
import platform
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click
from PIL import Image

from .pictures import open_pictures
from .speed import Cost, commands, run


def mosaic(pictures: Sequence[Image.Image], megapixels: float) -> Image.Image:
    """A 4:3 picture of so many million pixels, of copies of RGB pictures that are all of one size."""
    height = round(math.sqrt(megapixels * 1e6 * 3 / 4))
    whole = Image.new("RGB", (round(megapixels * 1e6 / height), height))
    width, height = pictures[0].size
    places = [(x, y) for y in range(0, whole.height, height) for x in range(0, whole.width, width)]
    for i, place in enumerate(places):
        whole.paste(pictures[i % len(pictures)], place)
    return whole


def costs(source: Path, quality: int, trees: Sequence[str], repeat: int) -> dict[tuple[str, str], Cost]:
    """Medians over the repetitions, by tree and direction; each tree decodes its own file."""
    measured: dict[tuple[str, str], list[Cost]] = {}
    for _ in range(repeat):
        for tree in trees:
            place = ["env", f"PYTHONPATH={tree}"] if tree else []
            for direction, command in commands("ulbic", quality, source, source.parent).items():
                measured.setdefault((tree, direction), []).append(run([*place, *command]))
    return {key: Cost(*map(statistics.median, zip(*rows, strict=True))) for key, rows in measured.items()}


@click.command()
@click.argument("pictures", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--megapixels", type=float, multiple=True, default=(1, 12, 100), show_default=True)
@click.option("-q", "--quality", default=5, show_default=True)
@click.option("--against", metavar="TREE", help="PYTHONPATH of another state of the code.")
@click.option("--repeat", type=click.IntRange(1), default=1, show_default=True)
def main(
    pictures: tuple[Path, ...],
    output: Path,
    megapixels: tuple[float, ...],
    quality: int,
    against: str | None,
    repeat: int,
) -> None:
    """Write a table for PICTURES, files or folders, which must be of one size or its transpose."""
    opened = [picture.load() for picture in open_pictures(pictures)[0]]
    upright = [p if p.width >= p.height else p.transpose(Image.Transpose.ROTATE_90) for p in opened]
    threads = os.environ.get("OMP_NUM_THREADS", str(os.cpu_count()))
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    lines = [
        f"Medians of {repeat} whole processes with {threads} threads, at `-q {quality}`, on {machine}.",
        "",
        "| megapixels | code | direction | seconds | CPU seconds | peak MiB |",
        "|---" * 6 + "|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "picture.png")
        for count in megapixels:
            mosaic(upright, count).save(source, compress_level=1)
            for (tree, direction), cost in costs(
                source, quality, [against, ""] if against else [""], repeat
            ).items():
                code = "other" if tree else "this"
                figures = f"{cost.seconds:.1f} | {cost.cpu_seconds:.1f} | {cost.mebibytes:.0f}"
                lines.append(f"| {count:g} | {code} | {direction} | {figures} |")
    output.write_text("\n".join(lines) + "\n")
    click.echo("\n".join(lines))


if __name__ == "__main__":
    main()
