"""Budgets are never exceeded, and nearly all of them is used."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support import synthetic_picture

import ulbic
from ulbic.bitstream.container import read_container, write_container
from ulbic.codec import rate_control
from ulbic.codec.encoder import analyse_picture, encode_features
from ulbic.codec.profiles import TINY, RatePoint
from ulbic.codec.rate_control import encode_to_budget
from ulbic.errors import BudgetError, DamagedError, SettingsError

QUALITIES = dict(enumerate(TINY.qualities, 1))


@pytest.fixture(scope="module")
def features(bundle):
    return analyse_picture(bundle, synthetic_picture(512, 384, seed=2))


@pytest.fixture(scope="module")
def sizes(bundle, features):
    return {q: len(encode_features(bundle, features, point).data) for q, point in QUALITIES.items()}


@pytest.mark.parametrize("share", [0.1, 0.4, 0.6, 0.9])
def test_a_budget_is_kept_and_used(bundle, features, sizes, share):
    budget = round(sizes[2] + share * (sizes[6] - sizes[2]))
    size = len(encode_to_budget(bundle, features, budget).data)
    assert 0.92 * budget <= size <= budget


def test_the_index_mode_is_that_of_the_best_quality_that_fits(bundle, features, sizes):
    for quality in (1, 6):
        found = ulbic.info(encode_to_budget(bundle, features, sizes[quality]).data)
        assert found.index_mode == QUALITIES[quality].index_mode
        assert found.gain >= QUALITIES[quality].gain


def test_annealed_latents_keep_the_budget_and_use_it():
    picture = synthetic_picture(160, 96, seed=3)
    plain, annealed = (ulbic.encode(picture, target_size=200, effort=effort) for effort in (0, 1))
    assert plain != annealed
    assert 180 <= len(annealed) <= 200


def test_below_the_first_quality_the_gain_goes_below_zero(bundle, features, sizes):
    found = encode_to_budget(bundle, features, sizes[1] - 1).data
    assert len(found) < sizes[1]
    assert ulbic.info(found).gain < QUALITIES[1].gain
    assert ulbic.decode(found).size == (512, 384)


def test_an_index_mode_can_be_kept(bundle, features, sizes):
    found = encode_to_budget(bundle, features, sizes[6], index_mode="1_4").data
    assert ulbic.info(found).index_mode == "1_4"
    assert len(found) <= sizes[6]


def test_the_smallest_file_comes_with_a_warning_or_an_error(bundle, features):
    with pytest.warns(UserWarning, match="the smallest file of this picture has .* the budget is 20"):
        smallest = encode_to_budget(bundle, features, 20).data
    assert smallest == encode_features(bundle, features, RatePoint(-4, "0")).data
    assert encode_to_budget(bundle, features, len(smallest), strict=True).data == smallest
    with pytest.raises(BudgetError):
        encode_to_budget(bundle, features, len(smallest) - 1, strict=True)


def test_the_encoders_run_once_and_few_files_are_tried(bundle, features, sizes, monkeypatch):
    tried = []

    def recorded(*arguments):
        tried.append(arguments[2])
        return encode_features(*arguments)

    monkeypatch.setattr(rate_control, "encode_features", recorded)
    encode_to_budget(bundle, features, sizes[4])
    assert len(tried) == len(set(tried)) <= 12


def test_of_two_targets_the_smaller_counts(sizes):
    picture = synthetic_picture(512, 384, seed=2)
    data = ulbic.encode(picture, target_size=sizes[3], target_bpp=8 * sizes[5] / (512 * 384))
    assert len(data) <= sizes[3]
    assert data == ulbic.encode(picture, target_size=sizes[3], verify=True)


def test_a_gain_above_the_models_last_is_refused(bundle, features):
    with pytest.raises(SettingsError, match=r"gain 11\.5: those of model 'tiny' end at 11"):
        encode_features(bundle, features, RatePoint(11.5, "0"))
    header, payload, *_ = read_container(encode_features(bundle, features, RatePoint(11, "0")).data)
    with pytest.raises(DamagedError, match=r"gain 11\.5"):
        ulbic.decode(write_container(replace(header, gain=11.5), payload))
