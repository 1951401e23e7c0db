"""Adds golden files and pictures of the bundled weights (`python tests/golden/add.py`); existing ones stay.

To be run after the weights were replaced; the copy that `ulbic doctor` tests itself with follows them.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from unittest import mock

import ulbic
from ulbic.cli.doctor import SELFTEST
from ulbic.codec.api import symbol_digest
from ulbic.codec.lattices import Lattice

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from support import synthetic_picture  # noqa: E402

QUALITIES = [(1, 1, 1), (17, 300, 2), (64, 64, 3), (300, 17, 4), (160, 128, 5), (256, 256, 12)]
FOR_DOCTOR = "160x128-q5"  # the case that travels with the package


def cases() -> Iterator[tuple[str, bytes]]:
    """Names and files."""
    for width, height, quality in QUALITIES:
        yield f"{width}x{height}-q{quality}", ulbic.encode(synthetic_picture(width, height), quality)
    yield "200x136-1_1", ulbic.encode(synthetic_picture(200, 136), 3, index_mode="1_1")
    for mode in ("masked", "dual"):
        yield f"200x136-{mode}", ulbic.encode(synthetic_picture(200, 136), 3, index_mode=mode)
    picture = synthetic_picture(96, 80)
    with mock.patch.object(Lattice, "prefers_raw", return_value=True):
        yield "96x80-raw", ulbic.encode(picture, 3, index_mode="1_4")
    regions = [(0, 32, 64, 48, 2), (64, 0, 32, 64, 6)]
    picture.putalpha(synthetic_picture(96, 80, seed=1).convert("L").point(lambda v: 255 * (v > 100)))
    yield "96x80-regions", ulbic.encode(picture, 2, roi=regions)


def main() -> None:
    """One file a case, named by the weights that it needs, with what must be read from it."""
    for name, data in cases():
        account = ulbic.info(data)
        path = HERE / f"v{account.version}" / f"{account.weights_tag}-{name}.ulb"
        if not path.exists():
            path.write_bytes(data)
            expected = asdict(account) | {"symbols": symbol_digest(data)}
            path.with_suffix(".json").write_text(json.dumps(expected, indent=1) + "\n")
        if name == FOR_DOCTOR:
            for preview, end in ((False, ".png"), (True, "-preview.png")):
                picture = path.with_name(path.stem + end)
                if not picture.exists():
                    ulbic.decode(data, preview=preview).save(picture, optimize=True)
            for suffix in (".ulb", ".json"):
                shutil.copy(path.with_suffix(suffix), SELFTEST / f"golden{suffix}")


if __name__ == "__main__":
    main()
