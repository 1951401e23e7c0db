"""How long the parts of `base` take, with random weights: time does not depend on them.

    python -m ulbic.benchmarks.base [-o results.md] [--device cuda] [--threads 2]

"as published" are the same networks as the public code runs them: float32, plain layout, torch's layers.
The reference column was measured once with the public code itself (two CPU cores, float32).
"""

from __future__ import annotations

import copy
import platform
import resource
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


class Part(NamedTuple):
    """One row: what ours and the published way of computing do."""

    ours: Callable[[], object]
    published: Callable[[], object]


def parts(model: UlbicModel, bundle: Bundle) -> dict[str, Part]:
    """The rows of REFERENCE; `model` is as published, `bundle` ready for coding."""
    device = bundle.device
    small, large = torch.rand(1, 3, 256, 384, device=device), torch.rand(1, 3, 512, 768, device=device)
    indices = torch.randint(0, 1024, (6, 16, 16), device=device)
    masked = torch.rand(6, 16, 16, device=device) < 0.75
    assist = torch.randn(6, BASE.bridge.channels, 16, 16, device=device)
    whole = torch.randint(0, 1024, (1, 32, 48), device=device)
    gain, rounding = torch.tensor([0], device=device), ExactRounding(0)

    def encode() -> bytes:
        writer, stream = SymbolWriter(), bundle.model.continuous
        with bundle.pixel_precision():
            y = stream.analyse(fast(small), gain).float()
        encode_latents(writer, bundle, y, stream.hyper_analyse(y), ExactRounding(0, GUARD))
        return writer.finish()

    payload = encode()

    def decode() -> object:
        y_hat = decode_latents(SymbolReader(payload), bundle, (16, 24), rounding)
        with bundle.pixel_precision():
            return bundle.model.continuous.synthesise(fast(y_hat.float()), gain)

    def published_context(code: Callable[[Pass], torch.Tensor], y: torch.Tensor) -> torch.Tensor:
        return model.continuous.context(model.continuous.hyper_analyse(y).round(), (16, 24), code)

    def published_encode() -> object:
        y = model.continuous.analyse(small, gain)
        return published_context(lambda p: (y[:, p.channels] - p.mean).round() + p.mean, y)

    def published_decode() -> object:
        y_hat = published_context(
            lambda p: p.mean, torch.zeros(1, BASE.continuous.latents, 16, 24, device=device)
        )
        return model.continuous.synthesise(y_hat, gain)

    def mixed(work: Callable[[], object]) -> Callable[[], object]:
        def run() -> object:
            with bundle.pixel_precision():
                return work()

        return run

    ours, plain = bundle.model, model
    rows = [
        Part(encode, published_encode),
        Part(decode, published_decode),
        Part(mixed(lambda: ours.tokenizer.indices(fast(large))), lambda: plain.tokenizer.indices(large)),
        Part(
            mixed(lambda: ours.tokenizer.decoder(ours.tokenizer.quantize(whole))),
            lambda: plain.tokenizer.decoder(plain.tokenizer.quantize(whole).contiguous()),
        ),
        Part(
            mixed(lambda: ours.predictor(indices, masked, assist)),
            lambda: plain.predictor(indices, masked, assist),
        ),
    ]
    return dict(zip(REFERENCE, rows, strict=True))


def seconds(work: Callable[[], object], repeats: int, device: torch.device) -> float:
    """The best of `repeats` runs after a first one."""
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return min(times[1:])


def peak_gib() -> float:
    """Largest resident memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


@click.command()
@click.option("-o", "--output", type=click.Path(path_type=Path))
@click.option("--device", default="cpu", show_default=True)
@click.option("--threads", default=2, show_default=True)
@click.option("--repeats", default=2, show_default=True)
@torch.no_grad()
def cli(output: Path | None, device: str, threads: int, repeats: int) -> None:
    """Print the table, and time and memory of the whole path on a 768x512 picture."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    model = UlbicModel(BASE).eval().requires_grad_(False).to(device)
    tables = export_tables(model)
    ready = copy.deepcopy(model).to(memory_format=torch.channels_last)
    bundle = make_bundle(ready, tables, FILE_MODEL_ID, 0)
    where = torch.cuda.get_device_name() if device == "cuda" else f"{platform.machine()}, {threads} threads"
    lines = [f"torch {torch.__version__}, {where}; seconds", ""]
    lines += ["| part | reference | as published | ulbic | times faster |", "|---|---|---|---|---|"]
    for name, part in parts(model, bundle).items():
        published, ours = (seconds(work, repeats, bundle.device) for work in (part.published, part.ours))
        faster = f"{published / ours:.2f} (reference: {REFERENCE[name] / ours:.2f})"
        lines.append(f"| {name} | {REFERENCE[name]} | {published:.2f} | {ours:.2f} | {faster} |")
        click.echo(lines[-1])
    del model
    pixels = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    picture = Image.fromarray(pixels).resize((768, 512), Image.Resampling.BICUBIC)
    started = time.perf_counter()
    encoded = encode_picture(bundle, picture, rate_point(5))
    between = time.perf_counter()
    decode_picture(bundle, encoded.data)
    done = time.perf_counter()
    lines += ["", f"Whole path, 768x512, {len(encoded.data)} bytes: encode {between - started:.2f} s,"]
    lines += [
        f"decode {done - between:.2f} s. Peak memory of this run, both models held: {peak_gib():.1f} GiB."
    ]
    text = "\n".join(lines) + "\n"
    click.echo(text)
    if output:
        output.write_text(text)


if __name__ == "__main__":
    cli()
