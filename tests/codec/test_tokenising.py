"""The encoder with a tokenizer that complements the restoration: it is asked anew at every rate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from support import synthetic_picture, toy_config

from ulbic.bitstream.container import read_container
from ulbic.codec import restoring, tokenising
from ulbic.codec.bundle import load_bundle
from ulbic.codec.decoder import decode_symbols
from ulbic.codec.encoder import analyse_picture, encode_features
from ulbic.codec.profiles import RatePoint
from ulbic.codec.tables import export_tables
from ulbic.models.checkpoint import save_checkpoint
from ulbic.models.model import UlbicModel


@pytest.fixture(scope="module")
def complementing(tmp_path_factory):
    torch.manual_seed(0)
    config = toy_config()
    model = UlbicModel(replace(config, tokenizer=replace(config.tokenizer, complements=True)))
    path = tmp_path_factory.mktemp("toy") / "toy.safetensors"
    save_checkpoint(path, model, export_tables(model))
    return load_bundle(None, "cpu", path)


@pytest.fixture(scope="module")
def features(complementing):
    return analyse_picture(complementing, synthetic_picture(300, 180))


@pytest.fixture(scope="module")
def index_map(features):
    return features.tokenising.index_map(features.latents, torch.tensor([2.0]))


def test_its_indices_depend_on_the_rate_point(features, index_map):
    assert index_map.shape == (12, 19)
    other = features.tokenising.index_map(features.latents, torch.tensor([8.0]))
    assert not np.array_equal(other, index_map)


def test_it_sees_the_same_in_tiles(features, index_map, monkeypatch):
    for module in (restoring, tokenising):
        monkeypatch.setattr(module, "TILE", 8)
    monkeypatch.setattr(tokenising, "MARGIN", 16)
    in_tiles = features.tokenising.index_map(features.latents, torch.tensor([2.0]))
    assert (in_tiles != index_map).mean() < 0.05  # margins leave out what lies far away


def test_its_files_hold_the_indices_of_their_own_restoration(complementing, features):
    encoded = encode_features(complementing, features, RatePoint(2.0, "1_1"))
    symbols = decode_symbols(complementing, read_container(encoded.data))
    assert symbols.digest == encoded.digest
    expected = features.tokenising.index_map(symbols.y_hat, torch.tensor([2.0]))
    assert np.array_equal(symbols.indices, expected)
