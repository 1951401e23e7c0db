"""`base` and `large` have every key and shape of the public checkpoints, and no other."""

from __future__ import annotations

import json

import pytest
from parity.fixtures import FOLDER, needs_shared

from ulbic.models.adapters import SOURCES
from ulbic.models.config import BASE, LARGE

pytestmark = needs_shared


@pytest.mark.parametrize(
    ("source", "config", "reference", "keys"),
    [
        ("mage-vqgan", BASE, "mage_vqgan_state_dict.json", 168),
        ("mage-vit", BASE, "mage_vit_base_state_dict.json", 433),
        ("mage-vit", LARGE, "mage_vit_large_state_dict.json", 577),
        ("mlicpp", BASE, "mlicpp_state_dict.json", 1023),
    ],
)
def test_keys_and_shapes_equal_the_public_ones(source, config, reference, keys):
    expected = json.loads((FOLDER / reference).read_text())
    ours = {key: list(shape) for key, shape in SOURCES[source].public_shapes(config).items()}
    assert ours == expected
    assert len(ours) == keys
