"""The ranking of indices: what it says of pictures, and its file."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from ulbic.errors import WeightsError
from ulbic.models.ranking import Ranking, RankingConfig, RankingFile, load_ranking, save_ranking


@pytest.fixture(scope="module")
def ranking():
    torch.manual_seed(0)
    return Ranking(RankingConfig(widths=(4, 6, 8))).eval().requires_grad_(False)


def pictures(height, width):
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(2, 3, height, width, generator=generator) for _ in range(3)]


def test_there_is_a_value_for_each_index(ranking):
    assert ranking(*pictures(48, 80)).shape == (2, 3, 5)


def test_what_changes_nothing_is_worth_nothing_and_the_way_back_costs_the_same(ranking):
    picture, guessed, exact = pictures(32, 32)
    assert torch.equal(ranking(picture, guessed, guessed), torch.zeros(2, 2, 2))
    there, back = ranking(picture, guessed, exact), ranking(picture, exact, guessed)
    torch.testing.assert_close(there, -back)
    assert there.abs().min() > 0


def test_only_what_is_near_an_index_counts(ranking):
    picture, guessed, _ = pictures(256, 256)
    exact = guessed.clone()
    exact[:, :, :16, :16] = picture[:, :, :16, :16]
    worth = ranking(picture, guessed, exact)
    assert (worth[:, 0, 0] != 0).all()
    assert (worth[:, 4:] == 0).all()
    assert (worth[:, :, 4:] == 0).all()


def test_a_file_comes_back(ranking, tmp_path):
    save_ranking(tmp_path / "r.safetensors", RankingFile(ranking, "a" * 64), torch.float32)
    back = load_ranking(tmp_path / "r.safetensors")
    assert (back.model, back.ranking.config.widths) == ("a" * 64, (4, 6, 8))
    assert torch.equal(back.ranking(*pictures(32, 32)), ranking(*pictures(32, 32)))


@pytest.mark.parametrize(
    ("tensors", "metadata"),
    [
        ({}, {}),
        ({}, {"ranking": '{"widths": [4, 6, 8]}', "model": "a"}),
        ({"distance.1.weight": torch.zeros(1)}, {"ranking": '{"widths": [4, 6, 8]}', "model": "a"}),
        ({}, {"ranking": "[]", "model": "a"}),
    ],
)
def test_what_is_no_ranking_is_refused(tensors, metadata, tmp_path):
    path = tmp_path / "bad.safetensors"
    save_file(tensors, path, metadata)
    with pytest.raises(WeightsError, match=r"bad\.safetensors is not a file of ranking weights: "):
        load_ranking(path)


def test_what_is_no_safetensors_file_is_refused(tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(WeightsError, match="not a file of ranking weights"):
        load_ranking(tmp_path / "bad.safetensors")
