"""What each part of the codec is worth, on a folder of pictures.

    python -m ulbic.benchmarks.experiments.ablation FOLDER -o ablation.md [-q 5] [--weights FILE]

Two tables: how many of the indices that were not sent at "1_4" the predictor gets right, with and without
the continuous features; and the distortion of the continuous stream alone, of the token stream alone (all
indices sent) and of both. Rates are of real files; a stream's own rate is a difference of two of them.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from pathlib import Path

import click
import torch
from PIL import Image

from ulbic.benchmarks.metrics import Metric, labelled, metric_table
from ulbic.benchmarks.qualities import QUALITIES
from ulbic.bitstream.container import read_container
from ulbic.codec.bundle import Bundle, load_bundle
from ulbic.codec.decoder import Symbols, decode_picture, decode_symbols, restoring_of
from ulbic.codec.encoder import encode_picture
from ulbic.codec.images import load_picture
from ulbic.codec.maskgit import complete_indices
from ulbic.codec.painting import paint_map
from ulbic.codec.profiles import DEFAULT_MODEL, PROFILES

Row = dict[str, float]
METRICS: tuple[Metric, ...] = tuple(metric for metric in metric_table() if metric.has_bd_rate)


@torch.no_grad()
def matching_ratio(bundle: Bundle, symbols: Symbols, truth: torch.Tensor, assisted: bool) -> float:
    """Share of the indices that were not sent whose prediction is the encoder's index."""
    received = torch.from_numpy(symbols.received)
    assist = restoring_of(bundle, symbols).assist if assisted else None
    indices = torch.from_numpy(symbols.indices)
    filled = complete_indices(bundle.networks, indices, received, assist)
    return float((filled == truth)[~received].float().mean())


@torch.no_grad()
def measure(bundle: Bundle, picture: Image.Image, quality: int) -> dict[str, Row]:
    """All rows of both tables for one picture."""
    files = {
        mode: encode_picture(bundle, picture, bundle.profile.rate_point(quality, mode)).data
        for mode in ("0", "1_4", "1_1")
    }
    containers = {mode: read_container(data) for mode, data in files.items()}
    quarter, full = (decode_symbols(bundle, containers[mode]) for mode in ("1_4", "1_1"))
    truth = torch.from_numpy(full.indices)
    everything = torch.ones_like(truth, dtype=torch.bool)
    tokens_alone = paint_map(bundle.networks, truth, everything, None)
    size = picture.size
    pictures = {
        "continuous stream alone": decode_picture(bundle, containers["0"], preview=True),
        "token stream alone, all indices": Image.fromarray(tokens_alone[: size[1], : size[0]]),
        "both, no index sent": decode_picture(bundle, containers["0"]),
        "both, 1_4": decode_picture(bundle, containers["1_4"]),
        "both, all indices": decode_picture(bundle, containers["1_1"]),
    }
    sizes = {
        "continuous stream alone": len(files["0"]),
        "token stream alone, all indices": len(files["1_1"]) - len(files["0"]),
        "both, no index sent": len(files["0"]),
        "both, 1_4": len(files["1_4"]),
        "both, all indices": len(files["1_1"]),
    }
    rows: dict[str, Row] = {
        name: {"bpp": 8 * sizes[name] / (size[0] * size[1])} | labelled(picture, decoded, METRICS)
        for name, decoded in pictures.items()
    }
    for name, assisted in (("with", True), ("without", False)):
        share = 100 * matching_ratio(bundle, quarter, truth, assisted)
        rows[f"{name} the continuous features"] = {"matching %": share}
    return rows


def tables(rows: dict[str, list[Row]]) -> str:
    """Markdown of the means, one table for each set of columns."""
    grouped: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for name, values in rows.items():
        columns = tuple(values[0])
        means = [statistics.mean(value[column] for value in values) for column in columns]
        grouped[columns].append(f"| {name} | " + " | ".join(f"{mean:.4g}" for mean in means) + " |")
    return "\n\n".join(
        "\n".join([f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|", *lines])
        for columns, lines in grouped.items()
    )


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("-q", "--quality", type=QUALITIES, default=5, show_default=True)
@click.option("--weights", type=click.Path(path_type=Path, exists=True))
def main(folder: Path, output: Path, quality: int, weights: Path | None) -> None:
    """Measure the parts on the PNGs of FOLDER."""
    bundle = load_bundle(None if weights else PROFILES.named(DEFAULT_MODEL), "cpu", weights)
    rows: dict[str, list[Row]] = defaultdict(list)
    paths = sorted(folder.glob("*.png"))
    for path in paths:
        for name, row in measure(bundle, load_picture(path), quality).items():
            rows[name].append(row)
    text = f"Means of {len(paths)} pictures at quality {quality}.\n\n{tables(rows)}\n"
    output.write_text(text)
    click.echo(text)


if __name__ == "__main__":
    main()
