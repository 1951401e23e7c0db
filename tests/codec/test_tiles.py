"""Big pictures: cut into tiles they come out as if computed at once, and no border shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from support import synthetic_picture

import ulbic
from ulbic.bitstream.container import read_container
from ulbic.cli.demo import sample_photo
from ulbic.codec import encoder, restoring, tokenising, windows
from ulbic.codec.decoder import decode_picture
from ulbic.codec.encoder import analyse_picture, encode_features

SMALL_TILE = 32  # indices: 512 pixels


@pytest.fixture
def small_tiles(monkeypatch):
    for module in (encoder, restoring, tokenising):
        monkeypatch.setattr(module, "TILE", SMALL_TILE)


@pytest.fixture(scope="module")
def picture():
    return synthetic_picture(1040, 530)


@pytest.fixture(scope="module")
def at_once(bundle, picture):
    """Features, file, picture and preview of a picture that is one tile."""
    features = analyse_picture(bundle, picture)
    container = read_container(encode_features(bundle, features, bundle.profile.rate_point(5)).data)
    decoded, preview = (decode_picture(bundle, container, preview=p) for p in (False, True))
    return features, container, np.asarray(decoded).astype(int), np.asarray(preview).astype(int)


def test_the_encoders_see_the_same_in_tiles(bundle, picture, at_once, small_tiles):
    features = analyse_picture(bundle, picture)
    assert (features.latents - at_once[0].latents).abs().max() < 1e-4
    latents, gains = features.latents, torch.tensor([3.0])
    assert np.array_equal(*(f.tokenising.index_map(latents, gains) for f in (features, at_once[0])))


@pytest.mark.parametrize("preview", [False, True])
def test_tiles_decode_to_the_same_picture(bundle, at_once, small_tiles, preview):
    decoded = decode_picture(bundle, at_once[1], preview=preview)
    difference = np.abs(np.asarray(decoded) - at_once[3 if preview else 2])
    assert (difference > 2).mean() < 0.001  # an index with two equally probable codes may become the other
    assert difference.mean() < 0.01


def test_regions_of_a_picture_of_tiles_lie_where_they_did(bundle, at_once, monkeypatch):
    boosts = np.zeros((17, 33), np.int64)
    boosts[3:9, 12:30] = 8  # across the border of two tiles
    features = replace(at_once[0], boosts=boosts)
    container = read_container(encode_features(bundle, features, bundle.profile.rate_point(2)).data)
    whole = np.asarray(decode_picture(bundle, container, preview=True)).astype(int)
    monkeypatch.setattr(restoring, "TILE", SMALL_TILE)
    assert np.abs(np.asarray(decode_picture(bundle, container, preview=True)) - whole).max() <= 2


def gradient():
    down, across = np.mgrid[0:1024, 0:1024] / 1023
    return Image.fromarray((255 * np.stack([down, across, (down + across) / 2], axis=2)).astype(np.uint8))


def photograph():
    return Image.open(sample_photo()).convert("RGB").resize((1024, 1024), Image.Resampling.BICUBIC)


def steps(decoded):
    """Mean absolute step from each line of pixels to the next, rows and columns together."""
    pixels = np.asarray(decoded).astype(float)
    down, across = (np.abs(np.diff(pixels, axis=axis)).mean(axis=(1 - axis, 2)) for axis in (0, 1))
    return down + across


@pytest.mark.parametrize("make", [gradient, photograph])
def test_no_step_shows_at_a_border(make, small_tiles, monkeypatch):
    """Borders: where windows of the decoder, windows of the predictor (16 indices), or tiles begin or end.

    They all lie between two latents, 32 pixels apart, where the networks leave a larger step than elsewhere,
    here more and there less, even if nothing is cut. So they are compared with the same places of a picture
    that is painted at once, and, less strictly, with all other such places. Without blending, the middle
    border of the gradient is thirteen times as large.
    """
    monkeypatch.setattr(windows, "PIXEL_WINDOW", 40)
    side, starts = windows.pixel_line(64)
    cells = {*starts, *(start + side for start in starts), *range(0, 64, 16)} - {0, 64}
    borders = np.array([16 * cell - 1 for cell in sorted(cells)])
    others = np.setdiff1d(np.arange(31, 1023, 32), borders)
    data = ulbic.encode(make(), 4)
    cut = steps(ulbic.decode(data))
    monkeypatch.setattr(restoring, "TILE", 64)
    monkeypatch.setattr(windows, "PIXEL_WINDOW", 64)
    at_once = steps(ulbic.decode(data))
    assert (cut[borders] <= 1.05 * at_once[borders]).all()
    assert cut[borders].max() <= 1.25 * cut[others].max()
