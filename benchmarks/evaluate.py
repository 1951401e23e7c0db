"""Quick look at one set of weights: this codec alone, in this process, without peers, curves or cache.

    python -m ulbic.benchmarks.evaluate FOLDER -o results.csv [-q 1 -q 5] [--weights FILE]

What is reported comes from `ulbic bench --bpp-curve`; metrics and columns are the same here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from . import worker
from .metrics import Metric, measure, metric_table, usable
from .peers.ulbic import CODEC, Ulbic
from .pictures import Picture, open_pictures
from .qualities import QUALITIES
from .records import COSTS, Record, curves, to_csv
from .runner import record


def evaluate(
    codec: Ulbic, pictures: Sequence[Picture], metrics: Sequence[Metric], kept: Path | None
) -> Iterator[Record]:
    """One record a setting and picture; the decoded pictures go to the folder `kept`."""
    for setting in codec.settings:
        for picture in pictures:
            original = picture.load()
            coded = worker.code(codec, original, setting)
            if kept is not None:
                coded.decoded.save(kept / f"{Path(picture.name).stem}-q{setting}.png")
            yield record(picture, codec, setting, coded, measure(original, coded.decoded, metrics))


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("-q", "--quality", "qualities", type=QUALITIES, multiple=True, default=CODEC.settings)
@click.option("--weights", type=click.Path(path_type=Path, exists=True))
@click.option("--limit", type=int, help="Only so many pictures.")
@click.option("--decoded", type=click.Path(path_type=Path, file_okay=False), help="Keep the pictures here.")
def main(
    folder: Path,
    output: Path,
    qualities: tuple[int, ...],
    weights: Path | None,
    limit: int | None,
    decoded: Path | None,
) -> None:
    """Evaluate the codec on the pictures of FOLDER."""
    if decoded is not None:
        decoded.mkdir(parents=True, exist_ok=True)
    pictures, problems = open_pictures([folder])
    metrics, left_out = usable(metric_table())
    for line in (*problems, *left_out):
        click.echo(line, err=True)
    codec = Ulbic(weights, settings=qualities)
    records = list(evaluate(codec, pictures[:limit], metrics, decoded))
    output.write_text(to_csv(records, metrics))
    (curve,) = curves(records, {codec.name: codec.label}, metrics)
    for i, setting in enumerate(curve.settings):
        columns = (*COSTS, *(metric.key for metric in metrics))
        means = ((name, curve.columns[name][i]) for name in columns)
        figures = "  ".join(f"{name} {value:.4g}" for name, value in means if value is not None)
        click.echo(f"quality {setting}  {figures}")


if __name__ == "__main__":
    main()
