"""How long the parts of `base` take, with random weights: time does not depend on them.

    python -m ulbic.benchmarks.base [-o results.md] [--device cuda] [--threads 2]

"as published" are the same networks as the public code runs them: float32, plain layout, torch's layers.
The reference column was measured once with the public code itself (two CPU cores, float32). Peak memory is
that of two more processes, each of which holds one kind of networks and runs every part once.
"""

from __future__ import annotations

import copy
import platform
import sys
import time
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import torch
from PIL import Image

from ulbic.codec.decoder import decode_picture
from ulbic.codec.encoder import encode_picture
from ulbic.codec.quality import rate_point

from .base_parts import KINDS, REFERENCE, Work, inputs, our_parts, published_parts, random_model, ready
from .speed import run


class Time(NamedTuple):
    """Seconds of one run."""

    wall: float
    cpu: float  # of all threads; other work on the machine changes it less


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


def peak_gib(kind: str, device: str, threads: int) -> float:
    """Largest resident memory of a process that holds networks of one kind and runs every part once."""
    command = [sys.executable, "-m", "ulbic.benchmarks.base", "--only", kind]
    return run([*command, "--device", device, "--threads", str(threads)]).mebibytes / 1024


@click.command()
@click.option("-o", "--output", type=click.Path(path_type=Path))
@click.option("--device", default="cpu", show_default=True)
@click.option("--threads", default=2, show_default=True)
@click.option("--repeats", default=7, show_default=True)
@click.option(
    "--only", type=click.Choice(list(KINDS)), help="Run each part of this kind once, print nothing."
)
@torch.no_grad()
def cli(output: Path | None, device: str, threads: int, repeats: int, only: str | None) -> None:
    """Print the table, peak memory, and the time of the whole path on a 768x512 picture."""
    torch.set_num_threads(threads)
    model, given = random_model(device), inputs(torch.device(device))
    if only:
        for work in KINDS[only](model, given).values():
            work()
        return
    bundle = ready(copy.deepcopy(model))
    where = torch.cuda.get_device_name() if device == "cuda" else f"{platform.machine()}, {threads} threads"
    lines = [f"torch {torch.__version__}, {where}; seconds, in brackets CPU seconds", ""]
    lines += ["| part | reference | as published | ulbic | times faster |", "|---|---|---|---|---|"]
    published, ours = published_parts(model, given), our_parts(bundle, given)
    for name, reference in REFERENCE.items():
        then, now = (seconds(works[name], repeats, bundle.device) for works in (published, ours))
        faster = f"{then.wall / now.wall:.2f} (reference: {reference / now.wall:.2f})"
        cells = [f"{cost.wall:.2f} ({cost.cpu:.2f})" for cost in (then, now)]
        lines.append(f"| {name} | {reference} | {' | '.join(cells)} | {faster} |")
        click.echo(lines[-1])
    del model, published
    pixels = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    picture = Image.fromarray(pixels).resize((768, 512), Image.Resampling.BICUBIC)
    started = time.perf_counter()
    encoded = encode_picture(bundle, picture, rate_point(5))
    between = time.perf_counter()
    decode_picture(bundle, encoded.data)
    done = time.perf_counter()
    lines += ["", f"Whole path, 768x512, {len(encoded.data)} bytes: encode {between - started:.2f} s,"]
    lines += [f"decode {done - between:.2f} s."]
    del bundle, ours
    peaks = [f"{kind} {peak_gib(kind, device, threads):.2f} GiB" for kind in KINDS]
    lines += [f"Peak memory of a process with these parts: {', '.join(peaks)}."]
    text = "\n".join(lines) + "\n"
    click.echo(text)
    if output:
        output.write_text(text)


if __name__ == "__main__":
    cli()
