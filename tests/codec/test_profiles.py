"""What is true of each model, and where its weights are found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ulbic.codec.index_modes import INDEX_MODES
from ulbic.codec.profiles import (
    PROFILES,
    TINY,
    RatePoint,
    profile_of_file,
    profile_of_model,
)
from ulbic.errors import SettingsError, WeightsError
from ulbic.files import file_digest
from ulbic.models.config import PRESETS


def test_model_numbers_are_fixed():
    assert [(p.number, p.name) for p in PROFILES] == [(1, "tiny")]
    assert profile_of_model(1) is PROFILES.named("tiny") is TINY


def test_the_ladder_of_tiny():
    assert TINY.qualities == tuple(RatePoint(gain, "0") for gain in range(12))
    assert TINY.rate_point() == (4, "0")
    assert TINY.rate_point(2, "1_4") == (1, "1_4")


@pytest.mark.parametrize("known", PROFILES, ids=PROFILES.names)
def test_every_profile_is_consistent(known):
    assert known.tag == int(known.sha256[:3], 16)
    assert 1 <= known.default_quality <= len(known.qualities)
    assert set(known.index_modes) <= set(INDEX_MODES.names)
    assert {point.index_mode for point in known.qualities} <= set(known.index_modes)
    assert [point.gain for point in known.qualities] == sorted(point.gain for point in known.qualities)
    assert known.preset in PRESETS
    assert known.precision == PRESETS[known.preset].precision


def test_bundled_weights_are_the_profiles_and_fit_their_budget():
    path = TINY.find_weights()
    assert file_digest(path) == TINY.sha256
    assert path.stat().st_size <= 32 * 2**20


@pytest.mark.parametrize("quality", [0, 13, "high", 2.5])
def test_a_quality_that_a_model_lacks_is_refused(quality):
    with pytest.raises(SettingsError, match="is not one of 1 to 12, as model 'tiny' has them"):
        TINY.rate_point(quality)


def test_a_mode_that_a_model_was_not_trained_for_is_refused():
    with pytest.raises(SettingsError, match="model 'tiny' has no index mode '1_3'"):
        TINY.rate_point(3, "1_3")


def test_a_single_gain_has_a_ladder_of_modes(tmp_path):
    one = profile_of_file(tmp_path / "base.safetensors", "f" * 64, gains=1)
    assert [point.gain for point in one.qualities] == [0] * 6
    assert [point.index_mode for point in one.qualities] == ["0", "1_16", "1_8", "1_4", "1_2", "1_1"]
    assert (one.number, one.tag) == (15, 0xFFF)


def test_weights_that_are_nowhere_are_missed(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match="ulbic weights install"):
        replace(TINY, file="other.safetensors").find_weights()


@pytest.mark.parametrize(
    "taken", [{"number": 1, "name": "new"}, {"number": 2, "name": "tiny"}, {"number": 15}]
)
def test_a_number_or_name_is_given_once(taken):
    with pytest.raises(ValueError, match="model .*is taken|is not one of 0 to 14"):
        PROFILES.register(replace(TINY, **taken))
