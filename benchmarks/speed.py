"""Seconds and peak memory of whole processes, ulbic's and its peers' in one run, and where ulbic's time goes.

    python -m ulbic.benchmarks.speed compare PICTURE -o speed.md [--repeat 5] [-q 5]

Every run is a process of its own, from its start to its end, with all files read and written; all codecs take
turns. The stages are those of one more run of the command under cProfile, which makes them a little longer.
"""

from __future__ import annotations

import os
import platform
import pstats
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click
from PIL import Image

from ulbic.codec.profiles import DEFAULT_MODEL, PROFILES

from .peers import CODECS, Codec
from .peers.compressai_zoo import ZooCodec
from .pictures import open_pictures
from .runner import available

UNTRAINED = ZooCodec("cheng2020-attn", "cheng2020-attn (random weights)", (1,), pretrained=False)
PEERS: dict[str, Codec] = CODECS | {UNTRAINED.name: UNTRAINED}  # for time alone random weights are enough
DIRECTIONS = ("encode", "decode")

STAGES = {  # the functions that they are, by file and name
    "encode": {
        "importing torch": ("torch/__init__.py", "<module>"),
        "loading the weights": ("codec/bundle.py", "load_bundle"),
        "reading the picture": ("codec/images.py", "read_picture"),
        "analysis and tokenizer": ("codec/encoder.py", "analyse_picture"),
        "hyperprior, contexts, range coder": ("codec/encoder.py", "encode_features"),
    },
    "decode": {
        "importing torch": ("torch/__init__.py", "<module>"),
        "loading the weights": ("codec/bundle.py", "load_bundle"),
        "hyperprior, contexts, range coder": ("codec/decoder.py", "decode_symbols"),
        "synthesis": ("codec/networks.py", "restore"),
        "bridge: assisting encoder": ("codec/networks.py", "assist"),
        "bridge: correcting encoder": ("codec/networks.py", "correct"),
        "mask predictor": ("codec/maskgit.py", "_iterate"),
        "pixel decoder": ("codec/networks.py", "paint"),
        "writing the picture": ("PIL/Image.py", "save"),
    },
}


class Cost(NamedTuple):
    """Of one process."""

    seconds: float  # wall clock, from start to end
    cpu_seconds: float  # of all threads; other work on the machine changes it little
    mebibytes: float  # peak resident memory


# A child's peak memory is at least that of its parent when it was started, so a small parent starts it.
_LAUNCHER = """
import os, subprocess, sys, time
started = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(time.perf_counter() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
sys.exit(bool(status))
"""


def run(command: Sequence[str]) -> Cost:
    """Runs a command that must succeed."""
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER]
    answer = subprocess.run([*launcher, *command], stdout=subprocess.PIPE, text=True, check=False)
    if answer.returncode:
        raise click.ClickException(f"failed: {' '.join(command)}")
    seconds, cpu_seconds, peak = map(float, answer.stdout.split())
    unit = 1 if platform.system() == "Darwin" else 1024  # of ru_maxrss, in bytes
    return Cost(seconds, cpu_seconds, peak * unit / 2**20)


def commands(name: str, quality: int, picture: Path, folder: Path) -> dict[str, list[str]]:
    """The process that encodes with a codec, and the one that decodes."""
    coded, decoded = str(folder / f"{name}.bin"), str(folder / "decoded.png")
    python = [sys.executable, "-W", "ignore", "-m"]
    if name == "ulbic":
        ulbic = [*python, "ulbic"]
        return {
            "encode": [*ulbic, "encode", str(picture), "-q", str(quality), "-o", coded, "--force"],
            "decode": [*ulbic, "decode", coded, "-o", decoded, "--force"],
        }
    peer = [*python, "ulbic.benchmarks.speed", "code"]
    return {
        "encode": [*peer, "encode", name, str(picture), coded],
        "decode": [*peer, "decode", name, coded, decoded],
    }


def process_table(picture: Path, names: Sequence[str], quality: int, repeat: int) -> list[str]:
    """Markdown: medians over the repetitions, and ratios to ulbic's."""
    costs: dict[tuple[str, str], list[Cost]] = {}
    torch_alone = [sys.executable, "-c", "import torch"]
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(repeat + 1):  # the first fills the caches
            for name in names:
                for direction, command in commands(name, quality, picture, Path(folder)).items():
                    cost = run(command)
                    if turn:
                        costs.setdefault((name, direction), []).append(cost)
    medians = {key: Cost(*map(statistics.median, zip(*rows, strict=True))) for key, rows in costs.items()}
    imports = statistics.median(run(torch_alone).seconds for _ in range(repeat))
    lines = [
        "| codec | encode s | x ulbic | CPU s | MiB | decode s | x ulbic | CPU s | MiB |",
        "|---" * 9 + "|",
    ]
    for name in names:
        cells = [PEERS[name].label]
        for direction in DIRECTIONS:
            cost, ours = medians[name, direction], medians["ulbic", direction]
            cells += [f"{cost.seconds:.2f}", f"{cost.seconds / ours.seconds:.2f}"]
            cells += [f"{cost.cpu_seconds:.2f}", f"{cost.mebibytes:.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, "", f'`python -c "import torch"` alone takes {imports:.2f} s.']


def stage_table(picture: Path, quality: int) -> list[str]:
    """Markdown: seconds of every stage of ulbic's commands, of what is left, and in total."""
    lines = ["| direction | stage | seconds |", "|---" * 3 + "|"]
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder, "profile")
        for direction, (python, *arguments) in commands("ulbic", quality, picture, Path(folder)).items():
            run([python, "-m", "cProfile", "-o", str(profile), *arguments[arguments.index("-m") :]])
            calls = pstats.Stats(str(profile)).stats  # type: ignore[attr-defined]
            seconds = {
                stage: max(call[3] for key, call in calls.items() if key[0].endswith(file) and key[2] == name)
                for stage, (file, name) in STAGES[direction].items()
            }
            total = max(call[3] for call in calls.values())
            rows = seconds | {"everything else": total - sum(seconds.values()), "total": total}
            lines += [f"| {direction} | {stage} | {value:.2f} |" for stage, value in rows.items()]
    return lines


@click.group()
def cli() -> None:
    """Time whole commands and stages."""


@cli.command()
@click.argument("direction", type=click.Choice(DIRECTIONS))
@click.argument("codec", type=click.Choice(list(PEERS)))
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("target", type=click.Path(path_type=Path))
def code(direction: str, codec: str, source: Path, target: Path) -> None:
    """Encode a picture to a peer's smallest file, or decode that."""
    peer = PEERS[codec]
    if direction == "encode":
        target.write_bytes(peer.encode(Image.open(source).convert("RGB"), peer.settings[0]))
    else:
        peer.decode(source.read_bytes()).save(target)


@cli.command()
@click.argument("picture", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("-q", "--quality", default=PROFILES.named(DEFAULT_MODEL).default_quality, show_default=True)
@click.option("--repeat", type=click.IntRange(1), default=5, show_default=True)
def compare(picture: Path, output: Path, quality: int, repeat: int) -> None:
    """Write the two tables for PICTURE."""
    ((opened,), _) = open_pictures([picture])
    versions, missing = available(list(PEERS.values()))
    original = opened.load()
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    lines = [
        f"`{opened.name}`, {original.width}x{original.height}, ulbic at `-q {quality}`, peers at their",
        f"smallest file; medians of {repeat} whole processes, on {machine}.",
        "",
        *process_table(picture, list(versions), quality, repeat),
        *(f"\n{line}" for line in missing),
        "",
        "Where ulbic's time goes, in one more run of each command under a profiler:",
        "",
        *stage_table(picture, quality),
    ]
    output.write_text("\n".join(lines) + "\n")
    click.echo("\n".join(lines))


if __name__ == "__main__":
    cli()
