"""Seconds and memory of whole commands, and where ulbic's time goes, against the peers in one run.

    python -m ulbic.benchmarks.speed compare PICTURE -o speed.md [--repeat 5] [-q 5]

A whole process starts Python, loads what the codec needs, and encodes or decodes one file. All codecs take
turns in it. The stages are ulbic's functions inside such a process, by the profiler.
"""

from __future__ import annotations

import cProfile
import os
import platform
import pstats
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click
from PIL import Image

from ulbic.codec.quality import DEFAULT_QUALITY

from .bench import available
from .peers import CODECS, Codec
from .peers.compressai_zoo import ZooCodec
from .pictures import open_pictures
from .worker import peak_memory

STAGES = {  # functions of the codec, by what the table calls them
    "encode": {
        "weights": "load_bundle",
        "continuous stream: analysis": "analyse",
        "token stream: tokenizer": "indices",
        "continuous stream: coding": "encode_latents",
        "token stream: coding": "encode_indices",
    },
    "decode": {
        "weights": "load_bundle",
        "both streams: coding": "decode_symbols",
        "restoration and bridge": "continuous_features",
        "prediction of the indices": "complete_indices",
        "pixels": "paint_windows",
    },
}
UNTRAINED = ZooCodec("cheng2020-attn", "cheng2020-attn (random weights)", (1,), pretrained=False)
PEERS: dict[str, Codec] = CODECS | {UNTRAINED.name: UNTRAINED}  # for time alone random weights are enough


class Cost(NamedTuple):
    """Of one process."""

    seconds: float
    peak_mib: float  # nan where the system does not tell


def whole_process(direction: str, codec: str, setting: int, source: Path, target: Path) -> Cost:
    """Runs `code` in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "ulbic.benchmarks.speed", "code"]
    arguments = [direction, codec, str(setting), str(source), str(target)]
    started = time.perf_counter()
    answer = subprocess.run([*command, *arguments], stdout=subprocess.PIPE, text=True, check=True).stdout
    return Cost(time.perf_counter() - started, float(answer))


def stages(codec: Codec, direction: str, setting: int, picture: Image.Image) -> dict[str, float]:
    """Seconds of each stage, and of what is left, inside a process that has imported everything."""
    data = codec.encode(picture, setting)  # imports, and warms up
    _forget_weights()
    profile = cProfile.Profile()
    profile.enable()
    if direction == "encode":
        codec.encode(picture, setting)
    else:
        codec.decode(data)
    profile.disable()
    found = pstats.Stats(profile).get_stats_profile()
    seconds = {label: found.func_profiles[name].cumtime for label, name in STAGES[direction].items()}
    return seconds | {"everything else": found.total_tt - sum(seconds.values())}


def _forget_weights() -> None:
    from ulbic.codec.bundle import load_bundle

    load_bundle.cache_clear()


def process_table(picture: Path, names: Sequence[str], quality: int, repeat: int) -> list[str]:
    """Markdown: medians over the repetitions, and ratios to ulbic's."""
    costs: dict[tuple[str, str], list[Cost]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(repeat):
            for name in names:
                setting = quality if name == "ulbic" else PEERS[name].settings[0]
                coded, decoded = Path(folder, f"{name}.bin"), Path(folder, "decoded.png")
                for direction, source, target in (("encode", picture, coded), ("decode", coded, decoded)):
                    cost = whole_process(direction, name, setting, source, target)
                    costs.setdefault((name, direction), []).append(cost)
    medians = {key: Cost(*map(statistics.median, zip(*rows, strict=True))) for key, rows in costs.items()}
    lines = ["| codec | encode s | x ulbic | MiB | decode s | x ulbic | MiB |", "|---" * 7 + "|"]
    for name in names:
        cells = [PEERS[name].label]
        for direction in ("encode", "decode"):
            cost = medians[name, direction]
            ratio = cost.seconds / medians["ulbic", direction].seconds
            cells += [f"{cost.seconds:.2f}", f"{ratio:.2f}", f"{cost.peak_mib:.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def stage_table(picture: Image.Image, quality: int, repeat: int) -> list[str]:
    """Markdown: medians over the repetitions."""
    lines = ["| direction | stage | seconds |", "|---" * 3 + "|"]
    for direction in STAGES:
        runs = [stages(CODECS["ulbic"], direction, quality, picture) for _ in range(repeat)]
        for label in runs[0]:
            median = statistics.median(run[label] for run in runs)
            lines.append(f"| {direction} | {label} | {median:.3f} |")
    return lines


@click.group()
def cli() -> None:
    """Time whole commands and stages."""


@cli.command()
@click.argument("direction", type=click.Choice(["encode", "decode"]))
@click.argument("codec", type=click.Choice(list(PEERS)))
@click.argument("setting", type=int)
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
def code(direction: str, codec: str, setting: int, source: Path, target: Path) -> None:
    """Encode or decode one file with one codec, and print the peak memory in MiB."""
    if direction == "encode":
        target.write_bytes(PEERS[codec].encode(Image.open(source).convert("RGB"), setting))
    else:
        PEERS[codec].decode(source.read_bytes()).save(target)
    click.echo(peak_memory() or "nan")


@cli.command()
@click.argument("picture", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("-q", "--quality", type=click.IntRange(1, 8), default=DEFAULT_QUALITY, show_default=True)
@click.option("--repeat", type=click.IntRange(1), default=5, show_default=True)
def compare(picture: Path, output: Path, quality: int, repeat: int) -> None:
    """Write the two tables for PICTURE."""
    ((opened,), _) = open_pictures([picture])
    versions, missing = available(list(PEERS.values()))
    original = opened.load()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    lines = [
        f"`{opened.name}`, {original.width}x{original.height}, ulbic at `-q {quality}`, peers at their",
        f"smallest file; medians of {repeat}, on {machine}.",
        "",
        *process_table(picture, list(versions), quality, repeat),
        *(f"\n{line}" for line in missing),
        "",
        "Where ulbic's time goes, once everything is imported:",
        "",
        *stage_table(original, quality, repeat),
    ]
    output.write_text("\n".join(lines) + "\n")
    click.echo("\n".join(lines))


if __name__ == "__main__":
    cli()
