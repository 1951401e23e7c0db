"""Chosen indices against a lattice: bytes, quality at equal bytes, and where the chosen ones lie.

    python -m ulbic.benchmarks.experiments.chosen $SHARED/data/eval/kodak -o benchmarks/results/chosen.md \\
        --drawing benchmarks/results/chosen.jpg
"""

from __future__ import annotations

import statistics
from pathlib import Path

import click
import numpy as np
from PIL import Image, ImageDraw

from ulbic.benchmarks.bdrate import at_rate
from ulbic.benchmarks.metrics import haarpsi, lpips, ms_ssim, psnr
from ulbic.bitstream.container import read_container
from ulbic.codec.bundle import Bundle, load_bundle
from ulbic.codec.decoder import decode_picture, decode_symbols
from ulbic.codec.encoder import analyse_picture, encode_features
from ulbic.codec.images import load_picture
from ulbic.codec.profiles import DEFAULT_MODEL, PROFILES, RatePoint
from ulbic.models.config import TOKEN_STRIDE

MODES = ("0", "1_4", "masked", "dual")
COLUMNS = ("bytes", "sent %", "PSNR", "MS-SSIM", "LPIPS(squeeze)", "HaarPSI")
FORMATS = (".0f", ".1f", ".2f", ".4f", ".4f", ".4f")
DRAWN = ("masked", "dual")  # of modes whose choices are worth a look
YELLOW = (255, 220, 0)

Rows = dict[tuple[str, float], list[float]]  # mode and gain to a value for each column


def measure(bundle: Bundle, picture: Image.Image, gains: tuple[float, ...]) -> Rows:
    """One picture through real files."""
    features, rows = analyse_picture(bundle, picture), {}
    for mode in MODES:
        for gain in gains:
            data = encode_features(bundle, features, RatePoint(gain, mode)).data
            container = read_container(data)
            decoded = decode_picture(bundle, container)
            received = decode_symbols(bundle, container).received
            distances = (metric(picture, decoded) for metric in (psnr, ms_ssim, lpips, haarpsi))
            rows[mode, gain] = [len(data), 100 * float(received.mean()), *distances]
    return rows


def at_equal_bytes(means: Rows, gains: tuple[float, ...]) -> Rows:
    """Every mode between its gains, linearly in log bytes: amid the bytes that all of them span."""
    points = {mode: np.array([means[mode, gain] for gain in gains]) for mode in MODES}
    low, high = max(p[0, 0] for p in points.values()), min(p[-1, 0] for p in points.values())
    size = float(np.sqrt(low * high))
    found: Rows = {}
    for mode, rows in points.items():
        found[mode, float(round(size))] = [size, *map(float, at_rate(rows, size))]
    return found


def table(rows: Rows, key: str) -> str:
    """Markdown; `key` names what stands beside the mode."""
    lines = [f"| mode | {key} | {' | '.join(COLUMNS)} |", "|---" * (2 + len(COLUMNS)) + "|"]
    for (mode, value), columns in rows.items():
        figures = (format(number, form) for number, form in zip(columns, FORMATS, strict=True))
        lines.append(f"| `{mode}` | {value:g} | {' | '.join(figures)} |")
    return "\n".join(lines)


def report(measured: list[Rows], gains: tuple[float, ...]) -> str:
    """The text of the output, of as many pictures as have been measured."""
    means = {
        key: [statistics.mean(column) for column in zip(*(rows[key] for rows in measured), strict=True)]
        for key in measured[0]
    }
    equal = table(at_equal_bytes(means, gains), "at bytes")
    return f"Means of {len(measured)} pictures.\n\n{table(means, 'gain')}\n\n{equal}\n"


def drawing(bundle: Bundle, picture: Image.Image, gain: float) -> Image.Image:
    """The picture for each of DRAWN, side by side, with a frame around every index that was sent."""
    features = analyse_picture(bundle, picture)
    sheet = Image.new("RGB", (picture.width * len(DRAWN), picture.height))
    for number, mode in enumerate(DRAWN):
        data = encode_features(bundle, features, RatePoint(gain, mode)).data
        framed = picture.copy()
        pen = ImageDraw.Draw(framed)
        for row, column in np.argwhere(decode_symbols(bundle, read_container(data)).received).tolist():
            left, top = column * TOKEN_STRIDE, row * TOKEN_STRIDE
            pen.rectangle(
                (left, top, left + TOKEN_STRIDE - 1, top + TOKEN_STRIDE - 1), outline=YELLOW, width=2
            )
        sheet.paste(framed, (number * picture.width, 0))
    return sheet


def stacked(sheets: list[Image.Image]) -> Image.Image:
    """One below the other."""
    whole = Image.new("RGB", (max(s.width for s in sheets), sum(s.height for s in sheets)), "white")
    top = 0
    for sheet in sheets:
        whole.paste(sheet, (0, top))
        top += sheet.height
    return whole


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--every", default=3, show_default=True, help="Take every n-th picture.")
@click.option("--gain", "gains", type=float, multiple=True, default=(2, 4), help="Rising.")
@click.option("--drawing", "drawn", type=click.Path(path_type=Path), help="A picture of the choices.")
@click.option("--of", "names", multiple=True, default=("kodim04", "kodim15", "kodim23"), help="What to draw.")
def main(
    folder: Path,
    output: Path,
    every: int,
    gains: tuple[float, ...],
    drawn: Path | None,
    names: tuple[str, ...],
) -> None:
    """Measure the modes on the PNGs of FOLDER."""
    bundle = load_bundle(PROFILES.named(DEFAULT_MODEL), "cpu")
    if drawn is not None:
        pictures = (load_picture(folder / f"{name}.png") for name in names)
        sheets = stacked([drawing(bundle, picture, gains[0]) for picture in pictures])
        sheets.resize((sheets.width // 2, sheets.height // 2)).save(drawn, quality=85)
    measured: list[Rows] = []
    for path in sorted(folder.glob("*.png"))[::every]:
        measured.append(measure(bundle, load_picture(path), gains))
        output.write_text(report(measured, gains))
    click.echo(output.read_text())


if __name__ == "__main__":
    main()
