"""The papers' presets have every key and shape of the public state dicts, and no other."""

from __future__ import annotations

import json

import pytest
from parity.fixtures import FOLDER, needs_shared

from ulbic.models.sparse.config import DQ_TRANSFORMER, DQ_VAE, DQ_VAE_TRIPLE, MQ_VAE, STACKFORMER_PUBLIC
from ulbic.models.sparse.networks import public_shapes

pytestmark = needs_shared


@pytest.mark.parametrize(
    ("config", "reference", "keys"),
    [
        (MQ_VAE, "mqvae_state_dict.json", 450),
        (STACKFORMER_PUBLIC, "stackformer_state_dict.json", 417),
        (DQ_VAE, "dqvae_state_dict.json", 379),
        (DQ_VAE_TRIPLE, "dqvae_triple_state_dict.json", 449),
        (DQ_TRANSFORMER, "dqtransformer_state_dict.json", 419),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_keys_and_shapes_equal_the_public_ones(config, reference, keys):
    expected = json.loads((FOLDER / reference).read_text())
    ours = {key: list(shape) for key, shape in public_shapes(config).items()}
    assert ours == expected
    assert len(ours) == keys
