"""Seconds and peak memory of whole processes, ours and peers' in one run, and where ours spend their time.

    python -m ulbic.benchmarks.speed PICTURE -o benchmarks/results/speed.md [--runs 5]

Every run is a process of its own, from its start to its end, with all files read and written. vvencapp and
vvdecapp are taken from the PATH; where they are missing their cells say n/a. The stages are those of one more
run under cProfile, which makes them a little longer than they are.
"""

from __future__ import annotations

import os
import platform
import pstats
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
from PIL import Image

ENCODE_STAGES = {
    "importing torch": ("torch/__init__.py", "<module>"),
    "loading the weights": ("codec/bundle.py", "load_bundle"),
    "reading the picture": ("PIL/ImageFile.py", "load"),
    "analysis and tokenizer": ("codec/encoder.py", "analyse_picture"),
    "hyperprior, contexts, range coder": ("codec/encoder.py", "encode_features"),
}
DECODE_STAGES = {
    "importing torch": ("torch/__init__.py", "<module>"),
    "loading the weights": ("codec/bundle.py", "load_bundle"),
    "hyperprior, contexts, range coder": ("codec/decoder.py", "decode_symbols"),
    "synthesis": ("models/model.py", "restore"),
    "bridge: assisting encoder": ("models/bridge.py", "assist_map"),
    "bridge: correcting encoder": ("models/bridge.py", "correction_map"),
    "mask predictor": ("codec/maskgit.py", "_iterate"),
    "pixel decoder": ("models/model.py", "paint"),
    "writing the picture": ("PIL/Image.py", "save"),
}


class Cost(NamedTuple):
    """Of one process."""

    seconds: float  # wall clock, from start to end
    cpu_seconds: float  # of all threads; other work on the machine changes it little
    mebibytes: float  # peak resident memory


def run(command: list[str]) -> Cost:
    """Runs a command that must succeed."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    if status:
        raise click.ClickException(f"failed: {' '.join(command)}")
    unit = 1 if platform.system() == "Darwin" else 1024  # of ru_maxrss, in bytes
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 2**20)


def median(command: list[str], runs: int) -> Cost:
    """The median of each cost, after one run that fills the caches."""
    costs = [run(command) for _ in range(runs + 1)][1:]
    return Cost(*(statistics.median(column) for column in zip(*costs, strict=True)))


def commands(picture: Path, folder: Path) -> dict[str, tuple[list[str], list[str]] | None]:
    """By codec: the encoding and the decoding process; None where it is not installed."""
    python, decoded = [sys.executable, "-m"], str(folder / "decoded.png")
    file = str(folder / "coded")
    ours = [*python, "ulbic"]
    cheng = [*python, "ulbic.benchmarks.cheng2020"]
    return {
        "ulbic": (
            [*ours, "encode", str(picture), "-o", f"{file}.ulb", "--force"],
            [*ours, "decode", f"{file}.ulb", "-o", decoded, "--force"],
        ),
        "cheng2020-attn (CompressAI)": (
            [*cheng, "encode", str(picture), f"{file}.cheng"],
            [*cheng, "decode", f"{file}.cheng", decoded],
        ),
        "VVC (vvenc medium, QP 51)": _vvc(picture, folder),
    }


def _vvc(picture: Path, folder: Path) -> tuple[list[str], list[str]] | None:
    encoder, decoder = shutil.which("vvencapp"), shutil.which("vvdecapp")
    if encoder is None or decoder is None:
        return None
    planes = [np.asarray(plane) for plane in Image.open(picture).convert("YCbCr").split()]
    raw, coded = folder / "picture.yuv", str(folder / "coded.266")
    raw.write_bytes(planes[0].tobytes() + planes[1][::2, ::2].tobytes() + planes[2][::2, ::2].tobytes())
    size = f"{planes[0].shape[1]}x{planes[0].shape[0]}"
    settings = ["-c", "yuv420", "-r", "1", "--preset", "medium", "--qp", "51"]
    return (
        [encoder, "-i", str(raw), "-s", size, *settings, "-o", coded],
        [decoder, "-b", coded, "-o", str(folder / "decoded.yuv")],
    )


def stages(command: list[str], names: dict[str, tuple[str, str]], folder: Path) -> dict[str, float]:
    """Seconds of each stage of a `python -m ...` command, of all others, and in total."""
    profile = folder / "profile"
    run([command[0], "-m", "cProfile", "-o", str(profile), *command[1:]])
    totals: dict[str, float] = {}
    statistics_of = pstats.Stats(str(profile)).stats  # type: ignore[attr-defined]
    for stage, (file, function) in names.items():
        matches = [v[3] for k, v in statistics_of.items() if k[0].endswith(file) and k[2] == function]
        totals[stage] = max(matches)
    total = max(value[3] for value in statistics_of.values())
    return totals | {"everything else": total - sum(totals.values()), "total": total}


def _cells(cost: Cost) -> str:
    return f"{cost.seconds:.2f} | {cost.cpu_seconds:.2f} | {cost.mebibytes:.0f}"


def report(picture: Path, runs: int) -> str:
    """The tables, in Markdown."""
    with Image.open(picture) as opened:
        size = f"{opened.width}x{opened.height}"
    lines = [
        f"{size} pixels, median of {runs} processes, {os.cpu_count()} cores.",
        "",
        "| | encode s | CPU s | MiB | decode s | CPU s | MiB | decode / ulbic |",
        "|---|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plan = commands(picture, folder)
        base = 0.0
        for codec, pair in plan.items():
            if pair is None:
                lines.append(f"| {codec} |" + " n/a |" * 7)
                continue
            there, back = (median(command, runs) for command in pair)
            base = base or back.seconds
            lines.append(f"| {codec} | {_cells(there)} | {_cells(back)} | {back.seconds / base:.2f} |")
        imports = median([sys.executable, "-c", "import torch"], runs)
        lines.append(f'| `python -c "import torch"` | {_cells(imports)} |' + " |" * 4)
        encode, decode = plan["ulbic"] or ([], [])
        for title, command, names in (
            ("encode", encode, ENCODE_STAGES),
            ("decode", decode, DECODE_STAGES),
        ):
            lines += ["", f"| ulbic {title}, stage | s |", "|---|---|"]
            lines += [f"| {stage} | {s:.2f} |" for stage, s in stages(command, names, folder).items()]
    return "\n".join(lines) + "\n"


@click.command()
@click.argument("picture", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--runs", default=5, show_default=True)
def main(picture: Path, output: Path, runs: int) -> None:
    """Measure on PICTURE."""
    text = report(picture, runs)
    output.write_text(text)
    click.echo(text)


if __name__ == "__main__":
    main()
