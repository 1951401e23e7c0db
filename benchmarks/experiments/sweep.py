"""Rate points and MaskGIT settings side by side: what the quality ladder and the defaults were chosen from.

python -m ulbic.benchmarks.experiments.sweep FOLDER -o sweep.md [--every 4]
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import click
from PIL import Image

from ulbic.benchmarks.metrics import measure, metric_table
from ulbic.bitstream.container import read_container
from ulbic.codec.bundle import Bundle, load_bundle
from ulbic.codec.decoder import decode_picture
from ulbic.codec.encoder import encode_picture
from ulbic.codec.generate import GumbelNoise
from ulbic.codec.images import load_picture
from ulbic.codec.maskgit import MaskGitConfig
from ulbic.codec.profiles import DEFAULT_MODEL, PROFILES, RatePoint

GAINS, MODES = (0, 2, 4, 6), ("0", "1_16", "1_4", "1_1")
MASKGIT = {
    "1 step": MaskGitConfig(steps=1),
    "2 steps": MaskGitConfig(steps=2),
    "4 steps": MaskGitConfig(steps=4),
    "8 steps": MaskGitConfig(steps=8),
    "16 steps": MaskGitConfig(steps=16),
    "8 steps, temperature 1": MaskGitConfig(steps=8, temperature=1.0, noise=GumbelNoise(0)),
    "8 steps, codes drawn": MaskGitConfig(steps=8, sampled=True, noise=GumbelNoise(0)),
}
METRICS = metric_table()
COLUMNS = ("bpp", *(metric.key for metric in METRICS), "decode_s")


def row(
    bundle: Bundle, name: str, pictures: list[Image.Image], point: RatePoint, maskgit: MaskGitConfig
) -> str:
    """A line of the table: means over the pictures."""
    rates, times, measured = [], [], []
    for picture in pictures:
        data = encode_picture(bundle, picture, point).data
        started = time.perf_counter()
        decoded = decode_picture(bundle, read_container(data), maskgit=maskgit)
        times.append(time.perf_counter() - started)
        rates.append(8 * len(data) / (picture.width * picture.height))
        measured.append(measure(picture, decoded, METRICS))
    distortions = (metric.value(one[metric.key] for one in measured) for metric in METRICS)
    columns = (statistics.mean(rates), *distortions, statistics.mean(times))
    return f"| {name} | " + " | ".join("n/a" if v is None else f"{v:.4g}" for v in columns) + " |"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--every", default=4, show_default=True, help="Take every n-th picture.")
def main(folder: Path, output: Path, every: int) -> None:
    """Measure gains x index modes, and MaskGIT settings at "1_4", on the PNGs of FOLDER."""
    bundle = load_bundle(PROFILES.named(DEFAULT_MODEL), "cpu")
    pictures = [load_picture(path) for path in sorted(folder.glob("*.png"))[::every]]
    head = f"| | {' | '.join(COLUMNS)} |\n" + "|---" * (len(COLUMNS) + 1) + "|\n"
    points = [(f"gain {gain}, `{s}`", RatePoint(gain, s)) for gain in GAINS for s in MODES]
    rates = [row(bundle, name, pictures, point, MaskGitConfig()) for name, point in points]
    settings = [row(bundle, name, pictures, RatePoint(2, "1_4"), m) for name, m in MASKGIT.items()]
    output.write_text(head + "\n".join(rates) + "\n\n" + head + "\n".join(settings) + "\n")


if __name__ == "__main__":
    main()
