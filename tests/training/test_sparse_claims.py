"""Starting from a tokenizer, and training in turns."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace

import pytest
import torch
from sparse import toys
from support import needs_shared, synthetic_picture

from ulbic.errors import InputError
from ulbic.models.config import PyramidConfig, TokenizerConfig
from ulbic.models.sparse.config import TrunkConfig
from ulbic.models.sparse.dqvae import DqVae
from ulbic.models.sparse.mqvae import MqVae
from ulbic.models.tokenizer import Tokenizer
from ulbic.training import sparse_claims
from ulbic.training.run import RunSetup
from ulbic.training.sparse_claims import VARIANTS, Turn, row_numbers, run_claims
from ulbic.training.sparse_start import start_from_tokenizer

WIDTHS = (8, 8, 16)
PYRAMID = PyramidConfig(
    widths=WIDTHS, blocks=1, middle_blocks=1, stem=4, smooth=True, norm="channel", shortcut_on_output=False
)
TRUNK = TrunkConfig(widths=WIDTHS, attention=(2,), blocks=1, stem=4, norm="channel", smooth=True)
TOKENIZER = TokenizerConfig(codes=24, dim=8, encoder=PYRAMID, decoder=replace(PYRAMID, blocks=2))
MQ = replace(toys.MQ, encoder=TRUNK, decoder=TRUNK, features=8)
DQ = replace(
    toys.DQ,
    encoder=replace(TRUNK, widths=(8, 8, 16, 16), attention=(2, 3)),
    decoder=TRUNK,
    features=8,
    router_groups=8,
)
FINE = replace(DQ, router="regular", target_shares=(1.0,))


@pytest.fixture
def tokenizer():
    torch.manual_seed(3)
    return Tokenizer(TOKENIZER).eval()


@torch.no_grad()
def test_dq_vae_with_fine_regions_alone_begins_as_the_tokenizer(tokenizer):
    network = DqVae(FINE).eval()
    start_from_tokenizer(network, tokenizer)
    x = torch.rand(1, 3, 256, 256)
    features = network.quant_conv(network.encoder(2 * x - 1).merged)
    middle = (slice(None), slice(None), slice(6, -6), slice(6, -6))  # outside of a picture is grey, not black
    torch.testing.assert_close(features[middle], tokenizer.features(x)[middle], atol=1e-5, rtol=0)
    indices = tokenizer.indices(x)
    made = network._paint(network.quantize.codes(indices))
    expected = tokenizer.decoder(tokenizer.quantize(indices))
    torch.testing.assert_close((made + 1) / 2, expected, atol=1e-5, rtol=0)


@torch.no_grad()
def test_mq_vae_paints_full_maps_as_the_tokenizer_does(tokenizer):
    network = MqVae(MQ).eval()
    start_from_tokenizer(network, tokenizer)
    codes = torch.randn(1, 8, 36)
    made = network._paint(codes, torch.arange(36)[None], 6, 6)
    expected = tokenizer.decoder(codes.unflatten(2, (6, 6)))
    torch.testing.assert_close((made + 1) / 2, expected, atol=1e-5, rtol=0)


def test_a_turn_ends_before_its_run_does():
    turn = Turn(60, 20)
    assert [turn.progress(9, elapsed) for elapsed in (0, 15, 20, 25)] == [0, 0.25, 1, 1]
    assert Turn(60, 60).progress(9, 30) == 0.5


def test_coded_crops_are_drawn_alike_from_every_step_on():
    rows = row_numbers(100, 4, seed=0, step=0)
    ahead = [next(rows) for _ in range(3)]
    assert torch.equal(ahead[2], next(row_numbers(100, 4, seed=0, step=2)))
    assert not torch.equal(ahead[0], ahead[1])


def test_the_compared_networks_differ_in_one_thing_each():
    networks = {variant.name: variant.network for variant in VARIANTS}
    learnt, budgeted = networks["mq-learnt"], networks["dq-10"]
    for selection in ("random", "regular"):
        assert networks[f"mq-{selection}"] == replace(learnt, selection=selection)
    for weight in (1, 100):
        assert networks[f"dq-{weight}"] == replace(budgeted, budget_weights=(float(weight),))
    assert networks["dq-regular"] == replace(budgeted, router="regular")
    assert (budgeted.target_shares, networks["dq-fine"].target_shares) == ((0.5,), (1.0,))
    assert networks["position-first"] == replace(networks["code-first"], order="position-first")


@pytest.fixture
def setup(tmp_path):
    """One picture to train on."""
    buffer = io.BytesIO()
    synthetic_picture(300, 280).save(buffer, "PNG")
    with tarfile.open(tmp_path / "shard-00.tar", "w") as tar:
        member = tarfile.TarInfo("0.png")
        member.size = buffer.tell()
        buffer.seek(0)
        tar.addfile(member, buffer)
    return RunSetup(
        preset="tiny",
        shards=[tmp_path / "shard-00.tar"],
        cache=tmp_path / "cache",
        output=tmp_path / "run",
        device="cpu",
    )


@needs_shared
def test_a_prior_follows_its_first_stage_and_what_is_done_is_not_done_again(setup, monkeypatch):
    monkeypatch.setattr(sparse_claims, "CODED", 16)
    lines = list(run_claims(setup, 0.01, 0.01, 20.0, ["code-first", "mq-learnt"]))
    assert lines == ["mq-learnt: 0.01 of 0.01 s", "code-first: 0.01 of 0.01 s"]
    assert (setup.output / "mq-learnt" / "code-first" / "weights.safetensors").exists()
    assert list(run_claims(setup, 0.01, 0.01, 20.0, ["code-first", "mq-learnt"])) == []


def test_an_unknown_network_is_an_error(setup):
    with pytest.raises(InputError, match="there is no network mq-best"):
        next(run_claims(setup, 1, 1, 1, ["mq-best"]))
