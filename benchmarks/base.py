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
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import torch
from PIL import Image

from ulbic.bitstream.symbols import SymbolReader, SymbolWriter
from ulbic.codec.bundle import Bundle, export_tables, make_bundle
from ulbic.codec.continuous_stream import decode_latents, encode_latents
from ulbic.codec.decoder import decode_picture
from ulbic.codec.encoder import encode_picture
from ulbic.codec.exactness import GUARD, ExactRounding
from ulbic.codec.quality import rate_point
from ulbic.models.config import BASE
from ulbic.models.continuous import Pass
from ulbic.models.model import UlbicModel
from ulbic.models.zoo import FILE_MODEL_ID

from .speed import run

REFERENCE = {  # seconds, two CPU cores
    "MLIC++ encode, 384x256": 0.95,
    "MLIC++ decode, 384x256": 1.04,
    "VQGAN encode, 768x512": 6.5,
    "VQGAN decode, 768x512": 8.2,
    "ViT-B step, 6 windows": 3.5,
}


def fast(x: torch.Tensor) -> torch.Tensor:
    """The layout in which convolutions are fastest."""
    return x.contiguous(memory_format=torch.channels_last)


Work = Callable[[], object]


class Inputs(NamedTuple):
    """What the parts are given."""

    small: torch.Tensor  # (1, 3, 256, 384), for MLIC++
    large: torch.Tensor  # (1, 3, 512, 768), for the VQGAN
    indices: torch.Tensor  # (1, 32, 48), of `large`
    windows: torch.Tensor  # (6, 16, 16), the same in the windows of the ViT
    masked: torch.Tensor  # likewise, bool
    assist: torch.Tensor  # (6, channels, 16, 16)
    gain: torch.Tensor  # (1,)


def inputs(device: torch.device) -> Inputs:
    """Random ones."""
    return Inputs(
        torch.rand(1, 3, 256, 384, device=device),
        torch.rand(1, 3, 512, 768, device=device),
        torch.randint(0, 1024, (1, 32, 48), device=device),
        torch.randint(0, 1024, (6, 16, 16), device=device),
        torch.rand(6, 16, 16, device=device) < 0.75,
        torch.randn(6, BASE.bridge.channels, 16, 16, device=device),
        torch.tensor([0], device=device),
    )


def our_parts(bundle: Bundle, given: Inputs) -> dict[str, Work]:
    """The rows of REFERENCE as ulbic computes them."""
    model, rounding = bundle.model, ExactRounding(0)

    def encode() -> bytes:
        writer, stream = SymbolWriter(), model.continuous
        with bundle.pixel_precision():
            y = stream.analyse(fast(given.small), given.gain).float()
        encode_latents(writer, bundle, y, stream.hyper_analyse(y), ExactRounding(0, GUARD))
        return writer.finish()

    payload = encode()

    def decode() -> object:
        y_hat = decode_latents(SymbolReader(payload), bundle, (16, 24), rounding)
        with bundle.pixel_precision():
            return model.continuous.synthesise(fast(y_hat.float()), given.gain)

    def mixed(work: Work) -> Work:
        def run() -> object:
            with bundle.pixel_precision():
                return work()

        return run

    works = [
        encode,
        decode,
        mixed(lambda: model.tokenizer.indices(fast(given.large))),
        mixed(lambda: model.tokenizer.decoder(model.tokenizer.quantize(given.indices))),
        mixed(lambda: model.predictor(given.windows, given.masked, given.assist)),
    ]
    return dict(zip(REFERENCE, works, strict=True))


def published_parts(model: UlbicModel, given: Inputs) -> dict[str, Work]:
    """The same rows as published."""
    stream = model.continuous

    def context(code: Callable[[Pass], torch.Tensor], y: torch.Tensor) -> torch.Tensor:
        return stream.context(stream.hyper_analyse(y).round(), (16, 24), code)

    def encode() -> object:
        y = stream.analyse(given.small, given.gain)
        return context(lambda p: (y[:, p.channels] - p.mean).round() + p.mean, y)

    def decode() -> object:
        y = given.small.new_zeros(1, BASE.continuous.latents, 16, 24)
        return stream.synthesise(context(lambda p: p.mean, y), given.gain)

    works = [
        encode,
        decode,
        lambda: model.tokenizer.indices(given.large),
        lambda: model.tokenizer.decoder(model.tokenizer.quantize(given.indices).contiguous()),
        lambda: model.predictor(given.windows, given.masked, given.assist),
    ]
    return dict(zip(REFERENCE, works, strict=True))


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


def random_model(device: str) -> UlbicModel:
    """`base` as published."""
    torch.manual_seed(0)
    return UlbicModel(BASE).eval().requires_grad_(False).to(device)


def ready(model: UlbicModel) -> Bundle:
    """The same as ulbic codes with it; changes `model`."""
    tables = export_tables(model)
    return make_bundle(
        model.to(memory_format=torch.channels_last), tables, FILE_MODEL_ID, 0, next(model.parameters()).device
    )


KINDS: dict[str, Callable[[UlbicModel, Inputs], dict[str, Work]]] = {
    "published": published_parts,
    "ulbic": lambda model, given: our_parts(ready(model), given),
}


def peak_gib(kind: str, device: str, threads: int) -> float:
    """Largest resident memory of a process that holds networks of one kind and runs every part once."""
    command = [sys.executable, "-m", "ulbic.benchmarks.base", "--only", kind]
    return run([*command, "--device", device, "--threads", str(threads)]).mebibytes / 1024


@click.command()
@click.option("-o", "--output", type=click.Path(path_type=Path))
@click.option("--device", default="cpu", show_default=True)
@click.option("--threads", default=2, show_default=True)
@click.option("--repeats", default=2, show_default=True)
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
        cells = [f"{time.wall:.2f} ({time.cpu:.2f})" for time in (then, now)]
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
