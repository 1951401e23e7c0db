"""Where training and benchmarks find pictures and perceptual weights that are not part of the project."""

from __future__ import annotations

import os
from pathlib import Path

from ulbic.errors import InputError


def shared_root() -> Path:
    """The folder named by ULBIC_SHARED, else `shared` beside the checkout.

    Raises:
        InputError: there is no such folder.
    """
    beside = Path(__file__).resolve().parents[3] / "shared"
    root = Path(os.environ.get("ULBIC_SHARED", beside))
    if not root.is_dir():
        raise InputError(f"no folder {root}: set ULBIC_SHARED to the one that holds data/ and perceptual/")
    return root


def use_perceptual_weights() -> None:
    """Lets `lpips` load SqueezeNet without internet, unless TORCH_HOME is set already."""
    os.environ.setdefault("TORCH_HOME", str(shared_root() / "perceptual"))
