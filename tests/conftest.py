"""Shared fixtures. Tests run on the bundled weights, on the CPU, without network."""

from __future__ import annotations

import os

import pytest
from support import synthetic_picture

if "PYTEST_XDIST_WORKER" in os.environ:  # workers share the cores, and so do the processes that they start
    os.environ.setdefault("OMP_NUM_THREADS", "1")


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
