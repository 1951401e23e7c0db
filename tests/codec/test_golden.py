"""Golden files: headers are read alike for ever, and symbols with the weights that the files name."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

import ulbic
from ulbic.codec.api import symbol_digest
from ulbic.errors import WeightsError

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("v*/*.ulb"))


def test_there_are_golden_files_for_the_bundled_weights(bundle):
    tags = {path.name.split("-")[0] for path in GOLDEN}
    assert f"{bundle.profile.tag:03x}" in tags


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_golden_file(path, bundle):
    expected = json.loads(path.with_suffix(".json").read_text())
    digest = expected.pop("symbols")
    account = asdict(ulbic.info(path))
    assert {field: account[field] for field in expected} == expected  # later releases may say more
    if expected["weights_tag"] == f"{bundle.profile.tag:03x}":
        assert symbol_digest(path) == digest
    else:  # weights may be replaced until release 1.0
        with pytest.raises(WeightsError, match=expected["weights_tag"]):
            symbol_digest(path)
