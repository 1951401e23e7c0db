"""What each `--effort` costs, and what it brings at equal bytes.

    python -m ulbic.benchmarks.experiments.effort $SHARED/data/eval/kodak -o benchmarks/results/effort.md

Every effort at one quality, and no effort at the qualities around it. "At equal bytes" is the difference
from what no effort has at that mean rate, interpolated between the means of two qualities over the logarithm
of the rate.
"""

from __future__ import annotations

import time
from pathlib import Path

import click
import numpy as np

from ulbic.benchmarks.bdrate import at_rate
from ulbic.benchmarks.metrics import haarpsi, lpips, ms_ssim, psnr
from ulbic.benchmarks.qualities import QUALITIES
from ulbic.bitstream.container import read_container
from ulbic.codec.bundle import Bundle, load_bundle
from ulbic.codec.decoder import decode_picture
from ulbic.codec.encoder import analyse_picture, encode_features
from ulbic.codec.images import load_picture
from ulbic.codec.profiles import DEFAULT_MODEL, PROFILES
from ulbic.codec.settings import EFFORTS

METRICS = {"PSNR": psnr, "MS-SSIM": ms_ssim, "LPIPS": lpips, "HaarPSI": haarpsi}
DIGITS = {"PSNR": 2}  # others have 3


def measure(bundle: Bundle, path: Path, quality: int, effort: int) -> list[float]:
    """Seconds, bits per pixel and METRICS of one file."""
    picture, started = load_picture(path), time.perf_counter()
    features = analyse_picture(bundle, picture, effort=effort)
    data = encode_features(bundle, features, bundle.profile.rate_point(quality)).data
    seconds = time.perf_counter() - started
    decoded = decode_picture(bundle, read_container(data))
    rate = 8 * len(data) / (picture.width * picture.height)
    return [seconds, rate, *(metric(picture, decoded) for metric in METRICS.values())]


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--every", type=click.IntRange(1), default=4, show_default=True, help="Every so many pictures.")
@click.option("-q", "--quality", type=QUALITIES, default=4, show_default=True)
def main(folder: Path, output: Path, every: int, quality: int) -> None:
    """Code pictures of FOLDER with every effort."""
    bundle = load_bundle(PROFILES.named(DEFAULT_MODEL), "cpu")
    paths = sorted(folder.glob("*.png"))[::every]

    def mean(quality: int, effort: int) -> np.ndarray:
        return np.mean([measure(bundle, path, quality, effort) for path in paths], axis=0)

    around = range(max(quality - 2, 1), min(quality + 2, len(bundle.profile.qualities)) + 1)
    curve = np.stack([mean(near, 0)[1:] for near in around])
    lines = [
        f"Of {len(paths)} pictures, means at `-q {quality}`; in parentheses the difference at equal bytes.",
        "",
        f"| effort | seconds | bpp | {' | '.join(METRICS)} |",
        "|---" * (3 + len(METRICS)) + "|",
    ]
    for effort in EFFORTS:
        seconds, rate, *values = mean(quality, effort)
        cells = [
            f"{value:.{DIGITS.get(name, 3)}f} ({value - usual:+.{DIGITS.get(name, 3)}f})"
            for name, value, usual in zip(METRICS, values, at_rate(curve, rate), strict=True)
        ]
        lines.append(f"| {effort} | {seconds:.1f} | {rate:.4f} | {' | '.join(cells)} |")
        click.echo(lines[-1])
    output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
