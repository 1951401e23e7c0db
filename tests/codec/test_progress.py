"""The listener of a single file: from little to everything, and never back."""

from __future__ import annotations

import itertools

import pytest
from support import synthetic_picture

import ulbic
from ulbic.codec import encoder, windows
from ulbic.codec.progress import Progress


def test_work_adds_up_to_everything():
    heard = []
    progress = Progress(heard.append, 8)
    for work in (2, 4, 2):
        progress.add(work)
    assert heard == [0.25, 0.75, 1.0]


def test_nobody_has_to_listen():
    Progress(None, 1).add(1)


@pytest.mark.parametrize(("index_mode", "times"), [("0", 5), ("1_4", 5), ("1_1", 4)])
def test_a_listener_hears_of_every_window(index_mode, times, monkeypatch):
    monkeypatch.setattr(windows, "PIXEL_WINDOW", 8)
    heard = []
    data = ulbic.encode(synthetic_picture(200, 100), 3, index_mode=index_mode)
    ulbic.decode(data, listener=heard.append)
    assert len(heard) == times  # symbols, the predictor's one window, three of pixels
    assert all(0 < before < after for before, after in itertools.pairwise(heard))
    assert heard[-1] == pytest.approx(1)


def test_the_encoder_tells_of_every_tile(monkeypatch):
    monkeypatch.setattr(encoder, "TILE", 4)
    heard = []
    ulbic.encode(synthetic_picture(200, 100), 1, listener=heard.append)
    assert len(heard) == 8  # 4 x 2 tiles of 64 pixels
    assert heard == sorted(heard)
    assert heard[-1] < 1  # coding comes last
