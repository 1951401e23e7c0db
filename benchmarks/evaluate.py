"""Rate and distortion of the codec on a folder of pictures, through real files.

    python -m ulbic.benchmarks.evaluate FOLDER -o results.csv [-q 1 -q 5] [--weights FILE]

Every picture is encoded to bytes, decoded from these bytes, rounded to 8 bits and compared. Rates are
8 x file bytes / original pixels.
"""

from __future__ import annotations

import csv
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import click
from PIL import Image

from . import metrics

COLUMNS = (
    "picture",
    "quality",
    "bytes",
    "bpp",
    "psnr",
    "ms_ssim",
    "lpips_squeeze",
    "haarpsi",
    "spectral_peak",
    "encode_s",
    "decode_s",
)


def measure(original: Image.Image, decoded: Image.Image) -> dict[str, float]:
    """All metrics of one decoded picture."""
    return {
        "psnr": metrics.psnr(original, decoded),
        "ms_ssim": metrics.ms_ssim(original, decoded),
        "lpips_squeeze": metrics.lpips(original, decoded),
        "haarpsi": metrics.haarpsi(original, decoded),
        "spectral_peak": metrics.spectral_peak(original, decoded),
    }


def evaluate(
    pictures: list[Path], qualities: list[int], weights: Path | None, decoded_folder: Path | None
) -> Iterator[dict[str, object]]:
    """One row a picture and quality."""
    import ulbic

    for quality in qualities:
        for path in pictures:
            original = Image.open(path).convert("RGB")
            started = time.perf_counter()
            data = ulbic.encode(original, quality, weights=weights)
            encoded = time.perf_counter()
            decoded = ulbic.decode(data, weights=weights)
            done = time.perf_counter()
            if decoded_folder is not None:
                decoded.save(decoded_folder / f"{path.stem}-q{quality}.png")
            yield {
                "picture": path.name,
                "quality": quality,
                "bytes": len(data),
                "bpp": ulbic.info(data).bpp,
                **measure(original, decoded),
                "encode_s": encoded - started,
                "decode_s": done - encoded,
            }


def means(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """The mean over the pictures at each quality."""
    result = []
    for quality in sorted({row["quality"] for row in rows}):  # type: ignore[type-var]
        chosen = [row for row in rows if row["quality"] == quality]
        average = {c: statistics.mean(float(row[c]) for row in chosen) for c in COLUMNS[2:]}  # type: ignore[arg-type]
        result.append({"picture": f"mean of {len(chosen)}", "quality": quality, **average})
    return result


def write_csv(rows: list[dict[str, object]], path: Path) -> None:
    """Rows of COLUMNS, numbers to five digits."""
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in row.items()})


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("-q", "--quality", "qualities", type=click.IntRange(1, 8), multiple=True, default=range(1, 9))
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
    """Evaluate the codec on the PNGs of FOLDER."""
    if decoded is not None:
        decoded.mkdir(parents=True, exist_ok=True)
    rows = list(evaluate(sorted(folder.glob("*.png"))[:limit], list(qualities), weights, decoded))
    averages = means(rows)
    write_csv(rows + averages, output)
    for row in averages:
        click.echo("  ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()))


if __name__ == "__main__":
    main()
