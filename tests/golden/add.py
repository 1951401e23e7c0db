"""Adds golden files and pictures of the bundled weights (`python tests/golden/add.py`); existing ones stay.

To be run after the weights were replaced; the copy that `ulbic doctor` tests itself with follows them.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import ulbic
from ulbic.cli.doctor import SELFTEST
from ulbic.codec.api import symbol_digest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from support import synthetic_picture  # noqa: E402

CASES = [(1, 1, 1), (17, 300, 2), (64, 64, 3), (300, 17, 4), (160, 128, 5), (256, 256, 8)]
FOR_DOCTOR = (160, 128)  # the case that travels with the package


def main() -> None:
    """One file a case, named by the weights that it needs, with what must be read from it."""
    for width, height, quality in CASES:
        data = ulbic.encode(synthetic_picture(width, height), quality)
        account = ulbic.info(data)
        path = HERE / f"v{account.version}" / f"{account.weights_tag}-{width}x{height}-q{quality}.ulb"
        if not path.exists():
            path.write_bytes(data)
            expected = asdict(account) | {"symbols": symbol_digest(data)}
            path.with_suffix(".json").write_text(json.dumps(expected, indent=1) + "\n")
        if (width, height) == FOR_DOCTOR:
            for preview, end in ((False, ".png"), (True, "-preview.png")):
                picture = path.with_name(path.stem + end)
                if not picture.exists():
                    ulbic.decode(data, preview=preview).save(picture, optimize=True)
            for suffix in (".ulb", ".json"):
                shutil.copy(path.with_suffix(suffix), SELFTEST / f"golden{suffix}")


if __name__ == "__main__":
    main()
