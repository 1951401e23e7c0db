"""How long the parts of `base` take, with random weights: time does not depend on them.

    python -m ulbic.benchmarks.experiments.base_speed [-o results.md] [--device cuda] [--threads 2]

"as published" are the same networks as the public code runs them: float32, plain layout, torch's layers.
The reference column was measured once with the public code itself (two CPU cores, float32). Each kind of
networks runs in a process of its own.
"""

from __future__ import annotations

import json
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import click
import torch

from ulbic.benchmarks.speed import run

from .base_parts import KINDS, REFERENCE, Work, inputs, random_model


class Time(NamedTuple):
    """Seconds of one run."""

    wall: float
    cpu: float  # of all threads; other work on the machine changes it less


class Measured(NamedTuple):
    """One kind of networks."""

    parts: dict[str, Time]
    gib: float  # largest resident memory of the process


def seconds(work: Work, repeats: int, device: torch.device) -> Time:
    """The best of `repeats` runs after a first one."""
    times = []
    for _ in range(repeats + 1):
        started, cpu_started = time.perf_counter(), time.process_time()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(Time(time.perf_counter() - started, time.process_time() - cpu_started))
    return Time(*map(min, zip(*times[1:], strict=True)))


def measure(kind: str, device: str, threads: int, repeats: int) -> Measured:
    """Runs the parts of one kind in another process."""
    with tempfile.TemporaryDirectory() as folder:
        times = Path(folder, "times.json")
        program = "ulbic.benchmarks.experiments.base_speed"
        command = [sys.executable, "-m", program, "--only", kind, "--device", device]
        cost = run([*command, "--threads", str(threads), "--repeats", str(repeats), "-o", str(times)])
        parts = {name: Time(*pair) for name, pair in json.loads(times.read_text()).items()}
    return Measured(parts, cost.mebibytes / 1024)


@torch.no_grad()
def measure_here(kind: str, device: str, threads: int, repeats: int) -> dict[str, Time]:
    """The same in this process, memory left out."""
    torch.set_num_threads(threads)
    place = torch.device(device)
    works = KINDS[kind](random_model(device), inputs(place))
    return {name: seconds(work, repeats, place) for name, work in works.items()}


def table(device: str, threads: int, repeats: int) -> str:
    """Markdown of everything that is measured."""
    published, ulbic = (measure(kind, device, threads, repeats) for kind in ("published", "ulbic"))
    whole = measure("whole path", device, threads, 1)
    where = torch.cuda.get_device_name() if device == "cuda" else f"{platform.machine()}, {threads} threads"
    lines = [f"torch {torch.__version__}, {where}; seconds, in brackets CPU seconds", ""]
    lines += ["| part | reference | as published | ulbic | times faster |", "|---|---|---|---|---|"]
    for name, reference in REFERENCE.items():
        then, now = published.parts[name], ulbic.parts[name]
        faster = f"{then.wall / now.wall:.2f} (reference: {reference / now.wall:.2f})"
        cells = [f"{cost.wall:.2f} ({cost.cpu:.2f})" for cost in (then, now)]
        lines.append(f"| {name} | {reference} | {' | '.join(cells)} | {faster} |")
    path = ", ".join(f"{name} {cost.wall:.2f} s" for name, cost in whole.parts.items())
    peaks = f"published {published.gib:.2f} GiB, ulbic {ulbic.gib:.2f} GiB"
    lines += [
        "",
        f"Whole path, 768x512: {path}; {whole.gib:.2f} GiB.",
        f"Peak memory with all parts: {peaks}.",
    ]
    return "\n".join(lines)


@click.command()
@click.option("-o", "--output", type=click.Path(path_type=Path))
@click.option("--device", default="cpu", show_default=True)
@click.option("--threads", default=2, show_default=True)
@click.option("--repeats", default=7, show_default=True)
@click.option("--only", type=click.Choice(list(KINDS)), help="The times of this kind alone, as JSON.")
def cli(output: Path | None, device: str, threads: int, repeats: int, only: str | None) -> None:
    """Print the table, peak memory, and the time of the whole path on a 768x512 picture."""
    if only:
        text = json.dumps(measure_here(only, device, threads, repeats))
    else:
        text = table(device, threads, repeats)
    click.echo(text)
    if output:
        output.write_text(text + "\n")


if __name__ == "__main__":
    cli()
