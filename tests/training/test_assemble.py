"""A model put together of a continuous stream and of the rest of another."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner

from ulbic.codec.networks import TorchNetworks
from ulbic.errors import WeightsError
from ulbic.models.checkpoint import load_checkpoint, save_checkpoint
from ulbic.models.config import TINY
from ulbic.models.model import UlbicModel
from ulbic.training.__main__ import cli
from ulbic.training.initialise import assembled, without_codes
from ulbic.training.predictor_stage import predictor_loss
from ulbic.training.recipes import RECIPES

PLAIN = replace(TINY, bridge=replace(TINY.bridge, finish_channels=0))
GROWN = replace(TINY, tokenizer=replace(TINY.tokenizer, complements=True))


@pytest.fixture(scope="module")
def old():
    torch.manual_seed(0)
    return UlbicModel(PLAIN).eval()


@torch.no_grad()
def test_new_inputs_and_parts_change_nothing_at_first(old):
    torch.manual_seed(1)
    stream = UlbicModel(TINY).continuous.state_dict()
    new = assembled(GROWN, stream, old).eval()
    assert all(torch.equal(value, stream[key]) for key, value in new.continuous.state_dict().items())
    picture, restoration = torch.rand(2, 1, 3, 64, 64)
    indices = old.tokenizer.indices(picture)
    assert torch.equal(new.tokenizer.indices(picture, restoration), indices)
    received, correction = torch.ones(1, 4, 4, dtype=torch.bool), torch.rand(1, 112, 4, 4)
    codes = old.tokenizer.quantize(indices)
    painted = [model.paint(codes, received, correction, restoration) for model in (old, new)]
    torch.testing.assert_close(*painted)


def test_the_stream_of_a_run_under_way_is_its_average(old, tmp_path):
    state = {key: value + 1 for key, value in old.continuous.state_dict().items()}
    torch.save({"averaged": state}, tmp_path / "state.pt")
    save_checkpoint(tmp_path / "old.safetensors", old, {}, torch.float32)
    arguments = [str(tmp_path / name) for name in ("state.pt", "old.safetensors", "new.safetensors")]
    assert CliRunner().invoke(cli, ["assemble", *arguments]).exit_code == 0
    new = load_checkpoint(tmp_path / "new.safetensors").model
    assert new.config == TINY
    torch.testing.assert_close(new.continuous.g_a[1].weight, old.continuous.g_a[1].weight + 1)
    torch.testing.assert_close(new.predictor.assist_pos, old.predictor.assist_pos)


def test_restorations_tell_a_complementing_tokenizer_something():
    torch.manual_seed(0)
    tokenizer = UlbicModel(GROWN).tokenizer
    picture, restoration = torch.rand(2, 1, 3, 64, 64)
    nothing = torch.zeros_like(picture)
    assert torch.equal(tokenizer.features(picture), tokenizer.features(picture, nothing))
    assert not torch.equal(tokenizer.features(picture), tokenizer.features(picture, restoration))


def test_a_stream_of_another_model_is_refused(old):
    stream = {key: value[:1] for key, value in old.continuous.state_dict().items()}
    with pytest.raises(WeightsError, match="not one of 'tiny'"):
        assembled(TINY, stream, old)


@torch.no_grad()
def test_without_codes_no_index_changes_a_picture():
    torch.manual_seed(0)
    model = without_codes(UlbicModel(TINY).eval())
    received, correction = torch.ones(1, 4, 4, dtype=torch.bool), torch.rand(1, 112, 4, 4)
    painted = [
        model.paint(model.tokenizer.quantize(indices), received, correction, torch.zeros(1, 3, 64, 64))
        for indices in (torch.zeros(1, 4, 4, dtype=torch.long), torch.randint(1024, (1, 4, 4)))
    ]
    assert torch.equal(*painted)


def test_a_predictor_learns_the_codes_that_complement_the_restoration():
    class Noting(TorchNetworks):
        def tokenise(self, picture, restoration=None):
            noted.append(restoration)
            return super().tokenise(picture, restoration)

    noted = []
    torch.manual_seed(0)
    for config in (GROWN, TINY):
        model = UlbicModel(config)
        told_nothing = RECIPES["predictor"].tiny
        predictor_loss(Noting(model), model.continuous.prior, torch.rand(1, 3, 256, 256), told_nothing)
    assert noted[0].shape == (1, 3, 256, 256)
    assert noted[1] is None
