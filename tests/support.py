"""Helpers that several test modules share."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
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
