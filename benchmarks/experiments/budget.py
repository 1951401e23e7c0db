"""How well a budget of bytes is used, and what for: three ways to fill it, side by side.

    python -m ulbic.benchmarks.experiments.budget FOLDER -o budget.md [--target-bpp 0.03] [--every 5]

"quality": the best quality of the ladder that fits. "lattice": then a denser lattice of indices, as far as
the budget allows. "gain": then a higher gain in small steps, which is what `--target-bpp` does.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from pathlib import Path

import click

from ulbic.benchmarks.metrics import labelled, metric_table
from ulbic.bitstream.container import read_container
from ulbic.codec.bundle import Bundle, load_bundle
from ulbic.codec.decoder import decode_picture
from ulbic.codec.encoder import PictureFeatures, analyse_picture, encode_features
from ulbic.codec.images import load_picture
from ulbic.codec.lattices import LATTICE_NAMES
from ulbic.codec.profiles import DEFAULT_MODEL, PROFILES, RatePoint
from ulbic.codec.rate_control import encode_to_budget

METRICS = metric_table()[:3]  # PSNR, MS-SSIM, LPIPS


def _last_that_fits(
    bundle: Bundle, features: PictureFeatures, budget: int, points: list[RatePoint]
) -> tuple[RatePoint, bytes]:
    """Of points in the order of their rates; the first one where none fits."""
    files = [(point, encode_features(bundle, features, point).data) for point in points]
    fitting = [file for file in files if len(file[1]) <= budget]
    return fitting[-1] if fitting else files[0]


def by_quality(bundle: Bundle, features: PictureFeatures, budget: int) -> bytes:
    return _last_that_fits(bundle, features, budget, list(bundle.profile.qualities))[1]


def by_lattice(bundle: Bundle, features: PictureFeatures, budget: int) -> bytes:
    point, _ = _last_that_fits(bundle, features, budget, list(bundle.profile.qualities))
    denser = LATTICE_NAMES[LATTICE_NAMES.index(point.index_mode) :]
    return _last_that_fits(bundle, features, budget, [point._replace(index_mode=name) for name in denser])[1]


def by_gain(bundle: Bundle, features: PictureFeatures, budget: int) -> bytes:
    return encode_to_budget(bundle, features, budget).data


WAYS: dict[str, Callable[[Bundle, PictureFeatures, int], bytes]] = {
    "quality": by_quality,
    "lattice": by_lattice,
    "gain": by_gain,
}


def measure(bundle: Bundle, path: Path, target: float, way: str, rates_only: bool) -> dict[str, float]:
    """One picture: share of the budget used, and the distortions."""
    picture = load_picture(path)
    budget = int(target * picture.width * picture.height / 8)
    data = WAYS[way](bundle, analyse_picture(bundle, picture), budget)
    row = {"budget used": len(data) / budget}
    if not rates_only:
        row |= labelled(picture, decode_picture(bundle, read_container(data)), METRICS)
    return row


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--target-bpp", "targets", type=float, multiple=True, default=(0.02, 0.03, 0.05))
@click.option("--way", "ways", type=click.Choice(list(WAYS)), multiple=True, default=list(WAYS))
@click.option("--every", default=1, show_default=True, help="Take every n-th picture.")
@click.option("--rates-only", is_flag=True, help="Do not decode.")
def main(
    folder: Path,
    output: Path,
    targets: tuple[float, ...],
    ways: tuple[str, ...],
    every: int,
    rates_only: bool,
) -> None:
    """Fill budgets for the PNGs of FOLDER."""
    bundle = load_bundle(PROFILES.named(DEFAULT_MODEL), "cpu")
    paths = sorted(folder.glob("*.png"))[::every]
    columns = ["budget used", *([] if rates_only else [metric.label for metric in METRICS])]
    lines = [
        f"| target bpp | way | files above | least used | {' | '.join(columns)} |",
        "|---" * (4 + len(columns)) + "|",
    ]
    for target in targets:
        for way in ways:
            rows = [measure(bundle, path, target, way, rates_only) for path in paths]
            used = [row["budget used"] for row in rows]
            means = " | ".join(f"{statistics.mean(row[column] for row in rows):.4g}" for column in columns)
            above = sum(share > 1 for share in used)
            lines.append(f"| {target:g} | {way} | {above} of {len(rows)} | {min(used):.3f} | {means} |")
            click.echo(lines[-1])
    output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
