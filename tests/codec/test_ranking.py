"""The bundled ranking, and encoders that miss it: decoders never need it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support import run_here, synthetic_picture

import ulbic
from ulbic.codec import bundle as bundles
from ulbic.codec import profiles
from ulbic.codec.profiles import PROFILES, TINY, profile_of_file
from ulbic.codec.settings import EncodeSettings
from ulbic.errors import SettingsError, WeightsError
from ulbic.files import file_digest
from ulbic.models.ranking import RankingFile, load_ranking, save_ranking

BUNDLED = TINY.find_ranking()


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """A folder where alone rankings are looked for; the weights stay where they are."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setattr(profiles, "BUNDLED_WEIGHTS", tmp_path)
    bundles._load_ranking.cache_clear()
    yield tmp_path
    bundles._load_ranking.cache_clear()


@pytest.fixture(scope="module")
def loaded(bundle):
    """Before anything is moved: what `ulbic.encode` takes is kept in memory."""
    return bundles.load_bundle(TINY)


def test_the_bundled_ranking_is_the_profiles_and_fits_its_budget():
    assert file_digest(BUNDLED) == TINY.ranking_sha256
    assert BUNDLED.stat().st_size <= 6 * 2**20
    assert load_ranking(BUNDLED).model == TINY.sha256


@pytest.mark.parametrize("mode", ["masked", "dual"])
def test_without_the_ranking_nothing_is_encoded(mode, loaded, elsewhere):
    synthetic_picture(64, 64).save(elsewhere / "a.png")
    result = run_here("encode", elsewhere / "a.png", "-o", elsewhere / "a.ulb", "--index-mode", mode)
    assert result.exit_code == 8
    missing = "the ranking weights of model 'tiny' are missing: ulbic weights install FILE"
    assert result.stderr.strip().endswith(missing)
    assert not (elsewhere / "a.ulb").exists()
    assert run_here("encode", elsewhere / "a.png", "--index-mode", "1_4").exit_code == 0


def test_a_damaged_ranking_is_refused(loaded, elsewhere):
    (elsewhere / TINY.ranking_file).write_bytes(b"damaged")
    with pytest.raises(WeightsError, match="are not those of model 'tiny'"):
        ulbic.encode(synthetic_picture(64, 64), 3, index_mode="masked")


def test_a_ranking_of_other_weights_is_refused(loaded, elsewhere):
    path = elsewhere / TINY.ranking_file
    save_ranking(path, RankingFile(load_ranking(BUNDLED).ranking, "0" * 64))
    other = replace(TINY, ranking_sha256=file_digest(path))
    with pytest.raises(WeightsError, match="belong to other weights"):
        bundles._load_ranking(other, loaded.networks.device)


@pytest.fixture(scope="module")
def masked():
    return ulbic.encode(synthetic_picture(64, 64), 3, index_mode="masked")


def test_decoders_do_without_it(masked, loaded, elsewhere):
    assert ulbic.decode(masked).size == (64, 64)


def test_weights_that_are_given_by_file_have_lattices_alone():
    given = profile_of_file(Path("x.safetensors"), "f" * 64, gains=12)
    with pytest.raises(SettingsError, match="has no index mode 'masked'"):
        EncodeSettings(index_mode="masked", weights="x.safetensors").check(given)
    assert PROFILES.named("tiny").rate_point(3, "dual") == (2, "dual")
