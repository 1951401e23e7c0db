"""A new index mode and a new model are one registration each: nothing else has to know of them."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from support import run_here, synthetic_picture, toy_config

from ulbic.bitstream.container import read_container
from ulbic.codec.bundle import load_bundle
from ulbic.codec.decoder import decode_picture, decode_symbols
from ulbic.codec.encoder import encode_picture
from ulbic.codec.exactness import NearBoundaryError
from ulbic.codec.index_mode import ReceivedIndices
from ulbic.codec.index_modes import INDEX_MODES
from ulbic.codec.profiles import PROFILES, TINY, Profile, RatePoint
from ulbic.codec.tables import export_tables
from ulbic.files import file_digest
from ulbic.models.checkpoint import save_checkpoint
from ulbic.models.model import UlbicModel


@dataclass(frozen=True)
class Busiest:
    """Sends the indices of the rows whose decoded latents are largest: both sides know which."""

    number: int = 77
    name: str = "busiest"
    sends_nothing: bool = False
    unlucky: frozenset[int] = frozenset()  # rounding offsets at which a value lies on a boundary

    def choose(self, size, worth):
        return self.training_mask(*size)

    def prefers_raw(self, sent, context):
        return False

    def encode(self, writer, sent, context):
        if round(32 * context.rounding._shift) in self.unlucky:
            raise NearBoundaryError
        sent = sent.indices[self._rows(sent.indices.shape, context)].ravel()
        writer.write(sent, np.zeros_like(sent), context.table)

    def decode(self, reader, size, context):
        indices, received = np.zeros(size, np.int64), np.zeros(size, bool)
        rows = self._rows(size, context)
        received[rows] = True
        sent = reader.read_certain(np.zeros(received.sum(), np.int64), context.table)
        indices[rows] = sent.reshape(-1, size[1])
        return ReceivedIndices(indices, received)

    def training_mask(self, rows, columns):
        return np.arange(rows)[:, None].repeat(columns, axis=1) < 2

    @staticmethod
    def _rows(size, context):
        energy = context.y_hat[0].square().sum(dim=(0, 2)).repeat_interleave(2)[: size[0]]
        return np.sort(energy.argsort(stable=True, descending=True)[:2].numpy())


def forget_later(monkeypatch, registry):
    """What a test registers is gone after it."""
    monkeypatch.setattr(registry, "_entries", dict(registry._entries))


@pytest.fixture
def busiest(monkeypatch):
    forget_later(monkeypatch, INDEX_MODES)
    return INDEX_MODES.register(Busiest())


@pytest.fixture(scope="module")
def toy_weights(tmp_path_factory):
    torch.manual_seed(0)
    model = UlbicModel(toy_config())
    path = tmp_path_factory.mktemp("toy") / "toy.safetensors"
    save_checkpoint(path, model, export_tables(model))
    return path


@pytest.fixture
def toy(toy_weights, busiest, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    forget_later(monkeypatch, PROFILES)
    return PROFILES.register(
        Profile(
            number=9,
            name="toy",
            sha256=file_digest(toy_weights),
            file="toy.safetensors",
            licence="none",
            qualities=(RatePoint(0, "0"), RatePoint(2.5, "busiest")),
            default_quality=2,
            index_modes=("0", "busiest"),
        )
    )


def test_a_toy_model_and_mode_through_the_command_line(toy, toy_weights, tmp_path):
    synthetic_picture(100, 70).save(tmp_path / "a.png")
    missing = run_here("encode", tmp_path / "a.png", "--model", "toy")
    assert missing.exit_code == 8
    assert "ulbic weights install" in missing.stderr
    assert run_here("weights", "install", toy_weights).exit_code == 0
    assert " 9 toy" in run_here("weights", "list").stdout

    encoded = run_here("encode", tmp_path / "a.png", "--model", "toy", "--verify", "-o", tmp_path / "a.ulb")
    assert encoded.exit_code == 0, encoded.stderr
    account = json.loads(run_here("info", tmp_path / "a.ulb", "--json").stdout)
    assert (account["model_number"], account["model"], account["index_mode"]) == (9, "toy", "busiest")
    assert (account["gain"], account["side_bytes"]) == (2.5, 12)
    assert run_here("decode", tmp_path / "a.ulb", "-o", tmp_path / "b.png").exit_code == 0

    assert run_here("encode", tmp_path / "a.png", "--model", "toy", "-q", 3).exit_code == 2
    assert run_here("encode", tmp_path / "a.png", "--model", "toy", "--index-mode", "1_4").exit_code == 2


def test_a_mode_may_ask_for_another_rounding_offset(bundle, monkeypatch):
    forget_later(monkeypatch, INDEX_MODES)
    INDEX_MODES.register(Busiest(unlucky=frozenset({0, 1, 2})))
    encoded = encode_picture(bundle, synthetic_picture(96, 64), RatePoint(3, "busiest"))
    assert encoded.header.rounding == 3
    symbols = decode_symbols(bundle, read_container(encoded.data))
    assert symbols.digest == encoded.digest
    assert symbols.received.sum(axis=1).tolist().count(6) == 2


def test_a_mode_that_this_release_lacks_is_a_file_of_the_future(bundle, busiest, monkeypatch, tmp_path):
    data = encode_picture(bundle, synthetic_picture(64, 64), RatePoint(1, "busiest")).data
    (tmp_path / "a.ulb").write_bytes(data)
    monkeypatch.delitem(INDEX_MODES._entries, "busiest")
    for verb in ("info", "decode"):
        result = run_here(verb, tmp_path / "a.ulb")
        assert result.exit_code == 6
        assert "index mode 77, which this release does not know" in result.stderr


@pytest.mark.parametrize("taken", [{"number": 3}, {"number": 256}, {"name": "1_4"}])
def test_a_number_or_name_of_a_mode_is_given_once(taken, busiest):
    with pytest.raises(ValueError, match="index mode .*is taken|is not one of 0 to 255"):
        INDEX_MODES.register(replace(Busiest(number=78, name="other"), **taken))


class Counting:
    """Another implementation of `Networks`: it hands on to the real one, and counts what it is asked."""

    def __init__(self, networks):
        self._networks, self.calls = networks, Counter()

    def __getattr__(self, name):
        found = getattr(self._networks, name)
        if not callable(found):
            return found

        def counted(*arguments):
            self.calls[name] += 1
            return found(*arguments)

        return counted


ENCODING = {
    "analyse",
    "tokenise",
    "hyper_analyse",
    "hyper_synthesise",
    "slice_features",
    "distribution",
    "refine",
    "index_features",
    "index_hidden",
    "index_logits",
}
DECODING = ENCODING - {"analyse", "tokenise", "hyper_analyse"}
DECODING |= {"restore", "assist", "correct", "predict", "paint"}


def test_encoder_and_decoder_ask_the_networks_through_the_interface_alone(bundle):
    picture, point = synthetic_picture(96, 64), RatePoint(4, "1_4")
    plain = encode_picture(bundle, picture, point).data
    expected = decode_picture(bundle, read_container(plain))

    counting = replace(bundle, networks=Counting(bundle.networks))
    assert encode_picture(counting, picture, point).data == plain
    assert set(counting.networks.calls) == ENCODING
    assert counting.networks.calls["distribution"] == 5 * 3  # slices x phases

    counting.networks.calls.clear()
    assert decode_picture(counting, read_container(plain)).tobytes() == expected.tobytes()
    assert set(counting.networks.calls) == DECODING
    assert counting.networks.calls["paint"] == 1


def test_a_model_is_loaded_once_however_it_is_spelt(toy_weights, tmp_path, monkeypatch):
    link = tmp_path / "link.safetensors"
    link.symlink_to(toy_weights)
    first = load_bundle(None, "cpu", toy_weights)
    assert load_bundle(None, "auto" if not torch.cuda.is_available() else "cpu", link) is first
    monkeypatch.chdir(toy_weights.parent)
    assert load_bundle(None, "cpu", type(toy_weights)("toy.safetensors")) is first
    assert load_bundle(TINY, "cpu") is load_bundle(TINY, "cpu")
