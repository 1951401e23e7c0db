"""Shared fixtures. Tests run on the bundled weights, on the CPU, without network."""

from __future__ import annotations

import pytest
from support import synthetic_picture


@pytest.fixture(scope="session")
def bundle():
    from ulbic.codec.bundle import load_bundle
    from ulbic.codec.profiles import PROFILES

    return load_bundle(PROFILES.named("tiny"), "cpu")


@pytest.fixture
def picture_file(tmp_path):
    path = tmp_path / "picture.png"
    synthetic_picture(96, 80).save(path)
    return path
