"""What a region of interest gains, and what the rest pays for it, at equal bytes: three Kodak pictures.

    python -m ulbic.benchmarks.experiments.roi $SHARED/data/eval/kodak -o benchmarks/results/roi.md

Budgets are filled with `--target-bpp`. Inside and outside are told apart by giving the other part the
original's pixels: squared errors and LPIPS are then those of one part, per pixel of it.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from PIL import Image, ImageOps

from ulbic.benchmarks.metrics import lpips, psnr
from ulbic.bitstream.container import read_container
from ulbic.codec.boosts import boost_map
from ulbic.codec.bundle import load_bundle
from ulbic.codec.decoder import decode_picture
from ulbic.codec.encoder import analyse_picture
from ulbic.codec.images import load_picture
from ulbic.codec.profiles import DEFAULT_MODEL, PROFILES
from ulbic.codec.rate_control import encode_to_budget
from ulbic.codec.regions import Box

BOXES = {  # around faces, chosen by eye
    "kodim04": (Box(96, 192, 320, 352),),
    "kodim15": (Box(384, 64, 320, 320),),
    "kodim23": (Box(64, 160, 256, 192), Box(384, 96, 256, 224)),
}
COLUMNS = (
    "bytes",
    *(f"{name} {part}" for name in ("PSNR", "LPIPS") for part in ("inside", "outside", "whole")),
)


def mask_of(boxes: tuple[Box, ...], size: tuple[int, int]) -> Image.Image:
    """White in the boxes, mode L."""
    mask = Image.new("L", size)
    for left, top, width, height, _ in boxes:
        mask.paste(255, (left, top, left + width, top + height))
    return mask


def distortion(original: Image.Image, decoded: Image.Image, part: Image.Image) -> tuple[float, float]:
    """PSNR in dB and LPIPS(squeeze) of the white part of a mask."""
    share = float(np.mean(np.asarray(part) > 0))
    patched = Image.composite(decoded, original, part)
    return psnr(original, patched) + 10 * math.log10(share), lpips(original, patched) / share


def measure(
    path: Path, targets: tuple[float, ...], boosts: tuple[float, ...]
) -> dict[tuple[float, float], list[float]]:
    """One picture: a row of COLUMNS for every target and boost."""
    bundle = load_bundle(PROFILES.named(DEFAULT_MODEL), "cpu")
    picture, boxes = load_picture(path), BOXES[path.stem]
    inside = mask_of(boxes, picture.size)
    parts = (inside, ImageOps.invert(inside), Image.new("L", picture.size, 255))
    features, rows = analyse_picture(bundle, picture), {}
    for boost in boosts:
        regions = tuple(box._replace(boost=boost) for box in boxes if boost)
        boosted = replace(features, boosts=boost_map(regions, *picture.size))
        for target in targets:
            data = encode_to_budget(bundle, boosted, int(target * picture.width * picture.height / 8)).data
            decoded = decode_picture(bundle, read_container(data))
            pairs = [distortion(picture, decoded, part) for part in parts]
            rows[target, boost] = [len(data), *(pair[i] for i in (0, 1) for pair in pairs)]
    return rows


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--target-bpp", "targets", type=float, multiple=True, default=(0.015, 0.025, 0.04))
@click.option("--boost", "boosts", type=float, multiple=True, default=(0.0, 2.0, 4.0, 8.0))
def main(folder: Path, output: Path, targets: tuple[float, ...], boosts: tuple[float, ...]) -> None:
    """Code the pictures of BOXES in FOLDER with and without their regions."""
    pictures = [measure(folder / f"{name}.png", targets, boosts) for name in BOXES]
    lines = [f"| target bpp | boost | {' | '.join(COLUMNS)} |", "|---" * (2 + len(COLUMNS)) + "|"]
    for target in targets:
        for boost in boosts:
            means = [
                statistics.mean(column)
                for column in zip(*(rows[target, boost] for rows in pictures), strict=True)
            ]
            figures = [
                f"{means[0]:.0f}",
                *(f"{mean:.2f}" for mean in means[1:4]),
                *(f"{mean:.3f}" for mean in means[4:]),
            ]
            lines.append(f"| {target:g} | {boost:g} | {' | '.join(figures)} |")
            click.echo(lines[-1])
    output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
