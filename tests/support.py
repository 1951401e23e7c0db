"""Helpers that several test modules share."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image, ImageFilter

SHARED = Path(os.environ.get("ULBIC_SHARED", Path(__file__).resolve().parents[2] / "shared"))
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="needs the folder named by ULBIC_SHARED (fixtures, perceptual weights)"
)


WIDE, PHONE = (1200, 900), (390, 844)  # windows of a browser, in pixels

DISAGREEMENT = 2e-11  # relative, of every layer: 100,000 times what implementations really differ by


@contextmanager
def another_machine(networks, scale, seed):
    """Multiplies the output of every layer that symbols depend on by 1 + scale * noise."""
    import torch

    generator = torch.Generator().manual_seed(seed)

    def disturb(_module, _inputs, output):
        noise = 2 * torch.rand(output.shape, dtype=torch.float64, generator=generator) - 1
        return output * (1 + scale * noise)

    parts = [part for part in (networks._context, networks._index_model) if part is not None]
    leaves = [module for part in parts for module in part.modules() if not list(module.children())]
    hooks = [module.register_forward_hook(disturb) for module in leaves]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def synthetic_picture(width: int, height: int, seed: int = 0) -> Image.Image:
    """A smooth random RGB picture: blobs of colour, as far from noise as a photograph is."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (max(height // 16, 2), max(width // 16, 2), 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    return picture.filter(ImageFilter.GaussianBlur(1))


def ulbic(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, as users meet it."""
    command = [sys.executable, "-m", "ulbic", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=False)


def run_here(*arguments: object, data: bytes = b"") -> Result:
    """The command in this process, which is faster; `data` comes from stdin."""
    from ulbic.cli.main import cli

    return CliRunner().invoke(cli, [str(argument) for argument in arguments], input=data)


@contextmanager
def serving(*arguments: object):
    """`ulbic serve` in a process of its own, on a free port: the process and the address that it tells."""
    command = [sys.executable, "-m", "ulbic", "serve", "--port", "0", "--device", "cpu", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline()
        found = re.fullmatch(r"serving (http://127\.0\.0\.1:\d+)/ to this computer; Ctrl-C ends it\n", line)
        assert found, process.communicate()
        yield process, found[1]
    finally:
        process.kill()
        process.communicate()


def toy_config():
    """`tiny`, narrower: for tests of what does not depend on size."""
    from dataclasses import replace

    from ulbic.models.config import TINY

    small = replace(TINY.tokenizer.encoder, widths=(8, 8, 16), blocks=1, middle_blocks=0)
    return replace(
        TINY,
        name="toy",
        continuous=replace(
            TINY.continuous,
            latents=16,
            slices=(4, 4, 8),
            analysis_channels=16,
            synthesis_channels=(16, 16),
            head_channels=(8, 8),
            hyper_channels=16,
        ),
        tokenizer=replace(TINY.tokenizer, codes=64, dim=8, encoder=small, decoder=small),
        predictor=replace(TINY.predictor, codes=64, width=32, depth=1, decoder_width=32, decoder_depth=1),
        bridge=replace(TINY.bridge, channels=16, encoder=small),
        index_model=replace(TINY.index_model, width=16, depth=1, hidden=8),
    )


def toy_base_config():
    """The toy with what only `base` has: MLIC++'s context model and networks in bfloat16."""
    from dataclasses import replace

    from ulbic.models.config import ContinuousConfig

    continuous = ContinuousConfig(
        latents=64,
        analysis_channels=16,
        synthesis_channels=(16, 16, 16),
        hyper_channels=16,
        hyper_synthesis=(16, 24),
        slices=(32, 32),
        context="attention",
    )
    return replace(toy_config(), continuous=continuous, precision="bfloat16")


def write_when_told(path, data, start, results):
    """Publishes a new file at the moment when another process does; for a process of its own."""
    from ulbic.cli.output import new_file
    from ulbic.errors import OutputError

    start.wait()
    try:
        with new_file(path, replace=False) as temporary:
            temporary.write_bytes(data)
            start.wait()  # all have looked, and none has published
        results.put(data)
    except OutputError as error:
        results.put(str(error))
