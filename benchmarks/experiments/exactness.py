"""Do all machines decode the same symbols? One file set, many ways to compute.

    python -m ulbic.benchmarks.experiments.exactness encode PICTURES FILES  # every picture at every quality
    python -m ulbic.benchmarks.experiments.exactness compare FILES -o table.md [--python VENV/bin/python]...

`compare` decodes the symbols of all files in one process per way of computing, and counts the files whose
SHA-256 differs from the encoder's. `encode` also says what the files cost beyond -log2 p of their symbols.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import click

WAYS: dict[str, tuple[dict[str, str], list[str]]] = {  # name: environment, options of `digests`
    "1 thread": ({}, ["--threads", "1"]),
    "2 threads": ({}, ["--threads", "2"]),
    "oneDNN off": ({}, ["--no-onednn"]),
    "channels last": ({}, ["--channels-last"]),
    "ATEN_CPU_CAPABILITY=default": ({"ATEN_CPU_CAPABILITY": "default"}, []),
    "ATEN_CPU_CAPABILITY=avx2": ({"ATEN_CPU_CAPABILITY": "avx2"}, []),
    "ATEN_CPU_CAPABILITY=avx512": ({"ATEN_CPU_CAPABILITY": "avx512"}, []),
}
PROGRAM = "from ulbic.benchmarks.experiments.exactness import cli; cli()"


@click.group()
def cli() -> None:
    """Compare decoded symbols between ways of computing."""


@cli.command()
@click.argument("pictures", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("files", type=click.Path(path_type=Path, file_okay=False))
def encode(pictures: Path, files: Path) -> None:
    """Encode every PNG of PICTURES at every quality into the folder FILES, with the encoder's digests."""
    from ulbic.codec.bundle import load_bundle
    from ulbic.codec.encoder import encode_picture
    from ulbic.codec.images import load_picture
    from ulbic.codec.profiles import DEFAULT_MODEL, PROFILES

    files.mkdir(parents=True, exist_ok=True)
    bundle = load_bundle(PROFILES.named(DEFAULT_MODEL), "cpu")
    digests, overheads, sizes = {}, [], []
    for path in sorted(pictures.glob("*.png")):
        picture = load_picture(path)
        for quality, point in enumerate(bundle.profile.qualities, 1):
            encoded = encode_picture(bundle, picture, point)
            name = f"{path.stem}-q{quality}.ulb"
            (files / name).write_bytes(encoded.data)
            digests[name] = encoded.digest
            overheads.append(len(encoded.data) - encoded.ideal_bits / 8)
            sizes.append(len(encoded.data))
    (files / "digests.json").write_text(json.dumps(digests))
    click.echo(f"{len(digests)} files of {statistics.mean(sizes):.1f} bytes on average")
    mean, most = statistics.mean(overheads), max(overheads)
    click.echo(f"beyond their symbols: {mean:.2f} bytes on average, at most {most:.2f}")


@cli.command()
@click.argument("files", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--threads", type=int)
@click.option("--no-onednn", is_flag=True)
@click.option("--channels-last", is_flag=True)
@click.option("--device", default="cpu")
def digests(files: Path, threads: int | None, no_onednn: bool, channels_last: bool, device: str) -> None:
    """Print the torch version and the digests of FILES, as this way of computing decodes them, as JSON."""
    import torch

    from ulbic.bitstream.container import read_container
    from ulbic.codec.bundle import load_bundle
    from ulbic.codec.decoder import decode_symbols
    from ulbic.codec.networks import TorchNetworks
    from ulbic.codec.profiles import DEFAULT_MODEL, PROFILES

    if threads:
        torch.set_num_threads(threads)
    torch.backends.mkldnn.enabled = not no_onednn  # type: ignore[assignment]
    bundle = load_bundle(PROFILES.named(DEFAULT_MODEL), device)
    if channels_last:
        assert isinstance(bundle.networks, TorchNetworks)
        bundle.networks.in_memory_format(torch.channels_last)
    found = {
        path.name: decode_symbols(bundle, read_container(path.read_bytes())).digest
        for path in sorted(files.glob("*.ulb"))
    }
    click.echo(json.dumps({"torch": torch.__version__, "digests": found}))


@cli.command()
@click.argument("files", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option(
    "--python", "pythons", multiple=True, default=(sys.executable,), help="Interpreters to compare."
)
@click.option("--cuda", is_flag=True, help="Also on the GPU.")
def compare(files: Path, output: Path, pythons: tuple[str, ...], cuda: bool) -> None:
    """Decode FILES in every way and write a table of mismatches."""
    expected = json.loads((files / "digests.json").read_text())
    ways = WAYS | ({"CUDA": ({}, ["--device", "cuda"])} if cuda else {})
    lines = ["| torch | way of computing | files | mismatches |", "|---|---|---|---|"]
    total = 0
    for python in pythons:
        for name, (environment, options) in ways.items():
            command = [python, "-c", PROGRAM, "digests", str(files), *options]
            result = subprocess.run(
                command, env=os.environ | environment, capture_output=True, text=True, check=True
            )
            answer = json.loads(result.stdout)
            mismatches = sum(answer["digests"].get(file) != digest for file, digest in expected.items())
            total += mismatches
            lines.append(f"| {answer['torch']} | {name} | {len(expected)} | {mismatches} |")
            click.echo(lines[-1])
    output.write_text("\n".join(lines) + "\n")
    sys.exit(1 if total else 0)


if __name__ == "__main__":
    cli()
