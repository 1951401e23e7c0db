"""Decoded pixels: golden pictures, within what devices may differ by, and the preview beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ulbic
from ulbic.bitstream.container import read_container
from ulbic.cli.demo import sample_photo
from ulbic.codec import bundle as bundle_module
from ulbic.codec.bundle import make_bundle
from ulbic.codec.decoder import decode_picture
from ulbic.models.checkpoint import load_checkpoint
from ulbic.models.precision import fast_bfloat16

GOLDEN_FOLDER = Path(__file__).parents[1] / "golden" / "v1"
GOLDEN = sorted(GOLDEN_FOLDER.parent.glob("v*/*.png"))
IN_BFLOAT16 = 8  # levels of 255, on processors that are fast in it
# rounding noise between devices and libraries moves a value across one boundary
TOLERANCE, SHARE = (IN_BFLOAT16, 1.0) if fast_bfloat16("cpu") else (1, 0.01)


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
    assert (difference > 0).mean() <= SHARE


def test_bfloat16_changes_no_pixel_by_much(bundle, monkeypatch):
    file = GOLDEN_FOLDER / f"{bundle.profile.tag:03x}-160x128-q5.ulb"
    monkeypatch.setattr(bundle_module, "fast_bfloat16", lambda device: True)
    checkpoint = load_checkpoint(bundle.profile.find_weights())
    fast = make_bundle(checkpoint.model, checkpoint.tables, bundle.profile)
    decoded = pixels(decode_picture(fast, read_container(file.read_bytes())))
    difference = np.abs(decoded - pixels(Image.open(file.with_suffix(".png"))))
    assert 0 < difference.max() <= IN_BFLOAT16
    assert (difference**2).mean() < 0.65  # 50 dB


def test_a_preview_is_the_same_picture_less_sharp():
    original = Image.open(sample_photo()).convert("RGB").resize((256, 304))
    data = ulbic.encode(original, 5)
    full, preview = pixels(ulbic.decode(data)), pixels(ulbic.decode(data, preview=True))
    assert full.shape == preview.shape == (304, 256, 3)
    assert 1 < np.abs(full - preview).mean() < 14
    for decoded in (full, preview):
        assert np.abs(decoded - pixels(original)).mean() < 20  # levels
    assert roughness(preview) < roughness(full)


def roughness(array):
    """Mean absolute step between neighbours in a row."""
    return np.abs(np.diff(array, axis=1)).mean()
