"""Helpers that several test modules share."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image, ImageFilter

SHARED = Path(os.environ.get("ULBIC_SHARED", Path(__file__).resolve().parents[2] / "shared"))
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="needs the folder named by ULBIC_SHARED (fixtures, perceptual weights)"
)


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
