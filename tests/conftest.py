"""Shared fixtures. Tests run on the bundled weights, on the CPU, without network."""

from __future__ import annotations

import os
import shutil

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


@pytest.fixture(scope="module")
def browser():
    """The Chromium that is installed, headless; without one, or without playwright, the test is skipped."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("needs a Chromium on the PATH")
    quiet = [
        *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
        *("--disable-background-networking", "--disable-component-update"),
    ]
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=path, args=quiet)
        yield browser
        browser.close()
