"""Decoded pixels: golden pictures, within what devices may differ by, and the preview beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ulbic
from ulbic.cli.demo import sample_photo

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("v*/*.png"))
TOLERANCE = 1  # levels of 255: rounding noise between devices and libraries moves a value across one boundary


def pixels(picture):
    return np.asarray(picture.convert("RGB")).astype(int)


def test_there_are_golden_pictures_of_the_bundled_weights(bundle):
    tag = f"{bundle.profile.tag:03x}"
    assert {path.name for path in GOLDEN} >= {f"{tag}-160x128-q5.png", f"{tag}-160x128-q5-preview.png"}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden_picture(path):
    preview = path.stem.endswith("-preview")
    file = path.with_name(path.stem.removesuffix("-preview") + ".ulb")
    difference = np.abs(pixels(ulbic.decode(file, preview=preview)) - pixels(Image.open(path)))
    assert difference.max() <= TOLERANCE
    assert (difference > 0).mean() < 0.01


def test_a_preview_is_the_same_picture_less_sharp():
    original = Image.open(sample_photo()).convert("RGB").resize((256, 304))
    data = ulbic.encode(original, 5)
    full, preview = pixels(ulbic.decode(data)), pixels(ulbic.decode(data, preview=True))
    assert full.shape == preview.shape == (304, 256, 3)
    assert 1 < np.abs(full - preview).mean() < 14
    for decoded in (full, preview):
        assert np.abs(decoded - pixels(original)).mean() < 20  # levels; 14 and 16 with weights 16b
    assert roughness(preview) < roughness(full)


def roughness(array):
    """Mean absolute step between neighbours in a row."""
    return np.abs(np.diff(array, axis=1)).mean()
