"""A folder of small pictures: throughput of several processes, and a run that is killed and goes on.

python -m ulbic.benchmarks.experiments.folders [-n 500] [--jobs 2] [-o result.md]

Times whole `ulbic encode` commands, starting up included, on pictures of 256 x 256 pixels, every process with
one thread. Then it kills a run with SIGKILL when about half of its files are there, and runs the same command
again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import numpy as np
from PIL import Image, ImageFilter

from ulbic.codec.describe import info


def make_pictures(folder: Path, count: int) -> None:
    """Blobs of colour, each picture from its own seed."""
    folder.mkdir()
    for i in range(count):
        coarse = np.random.default_rng(i).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((256, 256), Image.Resampling.BICUBIC)
        picture.filter(ImageFilter.GaussianBlur(1)).save(folder / f"{i:04}.png")


def start(pictures: Path, output: Path, jobs: int) -> subprocess.Popen[str]:
    """`ulbic encode` on the folder, with one thread a process."""
    command = [sys.executable, "-m", "ulbic", "encode", str(pictures), "-o", str(output), "-j", str(jobs)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command += ["--json", "--quiet"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def seconds(pictures: Path, output: Path, jobs: int) -> float:
    """Wall clock of a whole run."""
    started = time.perf_counter()
    process = start(pictures, output, jobs)
    process.communicate()
    if process.returncode:
        raise click.ClickException(f"the run with {jobs} jobs ended with {process.returncode}")
    return time.perf_counter() - started


def break_off_and_go_on(pictures: Path, output: Path, jobs: int) -> dict[str, int]:
    """Kills a run in the middle and repeats it; counts what is there, damaged, skipped and done."""
    total = len(list(pictures.iterdir()))
    process = start(pictures, output, jobs)
    while len(list(output.glob("*.ulb"))) < total // 2:
        time.sleep(0.05)
    process.kill()
    process.communicate()
    before = {path: path.stat().st_mtime_ns for path in output.glob("*.ulb")}
    damaged = sum(info(path).width != 256 for path in before)  # a damaged file raises

    lines, _ = start(pictures, output, jobs).communicate()
    status = [json.loads(line)["status"] for line in lines.splitlines()]
    return {
        "there when killed": len(before),
        "damaged": damaged,
        "skipped by the second run": status.count("skipped"),
        "done by the second run": status.count("done"),
        "done twice": sum(path.stat().st_mtime_ns != then for path, then in before.items()),
        "there at the end": sum(info(path).width == 256 for path in output.glob("*.ulb")),
    }


@click.command()
@click.option("-n", "--count", default=500, show_default=True, help="Pictures.")
@click.option("--jobs", default=2, show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Also write the result here.")
def main(count: int, jobs: int, output: Path | None) -> None:
    """Time `ulbic encode` of a folder, and break it off."""
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        make_pictures(root / "pictures", count)
        one, many = (seconds(root / "pictures", root / f"jobs{n}", n) for n in (1, jobs))
        counts = break_off_and_go_on(root / "pictures", root / "killed", jobs)
    rows = {
        f"{count} pictures, 1 job": f"{one:.1f} s, {count / one:.2f} a second",
        f"{count} pictures, {jobs} jobs": f"{many:.1f} s, {count / many:.2f} a second",
        "throughput against one job": f"{one / many:.2f}",
        **counts,
    }
    table = "| | |\n|---|---|\n" + "".join(f"| {name} | {value} |\n" for name, value in rows.items())
    click.echo(table, nl=False)
    if output is not None:
        output.write_text(table)


if __name__ == "__main__":
    main()
