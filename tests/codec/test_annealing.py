"""Latents that are annealed: never worse, always the same, and of pictures of any size."""

from __future__ import annotations

import pytest
import torch
from support import synthetic_picture, toy_base_config
from torch.testing import assert_close

import ulbic
from ulbic.codec import annealing
from ulbic.codec.annealing import Annealing, drawn
from ulbic.codec.bundle import load_bundle
from ulbic.codec.images import tile_tensor
from ulbic.codec.profiles import PROFILES
from ulbic.codec.relaxing import relaxed, round_through
from ulbic.codec.tables import export_tables
from ulbic.codec.tradeoff import Tradeoff
from ulbic.codec.windows import Window
from ulbic.errors import SettingsError
from ulbic.models.checkpoint import save_checkpoint
from ulbic.models.distortion import squared_error
from ulbic.models.model import UlbicModel

SQUARE_ERROR_ALONE = Tradeoff(structure_weight=0.0)


@pytest.fixture(scope="module")
def networks():
    return load_bundle(PROFILES.named("tiny")).networks


@torch.no_grad()
def started(networks, picture, gain=3.0):
    rows, columns = -(-picture.height // 32), -(-picture.width // 32)
    crop = tile_tensor(picture, Window(0, 0, rows, columns))
    gains = torch.tensor([gain])
    return crop, *networks.hyper_analyse(networks.analyse(crop), gains), gains


@torch.no_grad()
def cost(networks, crop, y, z, gains, tradeoff):
    y_hat, bits = relaxed(networks.relaxed(), y, z.round(), round_through)
    weight = tradeoff.rate_weight(gains, networks.sizes.gains)
    error = squared_error(networks.restore(y_hat, gains), crop)
    return float(weight * bits.sum() / crop[0, 0].numel() + tradeoff.squared_weight * error)


@pytest.mark.parametrize("seed", range(3))
def test_annealed_latents_cost_less_in_rate_and_distortion(networks, seed):
    picture = synthetic_picture(96, 64, seed=seed)
    crop, y, z, gains = started(networks, picture)
    with torch.no_grad():
        found = Annealing(networks, picture, SQUARE_ERROR_ALONE, steps=30).latents(y, z, gains)
    before, after = (cost(networks, crop, v, z, gains, SQUARE_ERROR_ALONE) for v in (y, found))
    assert after < 0.995 * before


@torch.no_grad()
def test_latents_stay_where_the_draws_lead_to_worse_ones(networks, monkeypatch):
    monkeypatch.setattr(annealing, "RATE", 100.0)
    picture = synthetic_picture(64, 48)
    _, y, z, gains = started(networks, picture)
    assert torch.equal(Annealing(networks, picture, SQUARE_ERROR_ALONE, steps=2).latents(y, z, gains), y)


@torch.no_grad()
def test_tiles_share_out_a_large_picture(networks):
    picture = synthetic_picture(800, 40)
    _, y, z, gains = started(networks, picture)
    found = Annealing(networks, picture, Tradeoff(), steps=1).latents(y, z, gains)
    assert found.shape == y.shape
    moved = (found != y).flatten(2).any(dim=1)[0].view(2, 25).any(dim=0)
    assert bool(moved[:12].any()) == bool(moved[13:].any())


def test_draws_lie_between_two_integers_and_near_one_when_cold():
    values, random = torch.linspace(-3, 3, 601), torch.Generator().manual_seed(1)
    hot, cold = (drawn(values, t, random) for t in (0.5, 0.02))
    for draws in (hot, cold):
        assert bool(((draws >= values.floor()) & (draws <= values.floor() + 1)).all())
    assert float((cold - cold.round()).abs().mean()) < 0.01 < float((hot - hot.round()).abs().mean())
    clear = (values - values.round()).abs() < 0.3
    assert_close(cold[clear], values.round()[clear], atol=1e-3, rtol=0)


def test_a_draw_passes_a_gradient_upwards():
    values = torch.tensor([0.3, -1.6], requires_grad=True)
    drawn(values, 0.5, torch.Generator().manual_seed(0)).sum().backward()
    assert bool((values.grad > 0).all())


def test_a_file_with_effort_is_the_same_twice_and_decodes_to_what_was_written():
    picture = synthetic_picture(200, 210)
    first, second = (ulbic.encode(picture, 3, effort=1, verify=True) for _ in range(2))
    assert first == second != ulbic.encode(picture, 3)
    assert ulbic.decode(first).size == (200, 210)


def test_regions_have_their_own_exchange_of_rate_for_distortion():
    picture = synthetic_picture(200, 210)
    data = ulbic.encode(picture, 2, effort=1, roi="0,0,64,64:3", verify=True)
    assert ulbic.decode(data).size == (200, 210)


def test_a_model_without_gains_has_no_effort(tmp_path):
    model, path = UlbicModel(toy_base_config()), tmp_path / "base.safetensors"
    save_checkpoint(path, model, export_tables(model), torch.float32)
    with pytest.raises(SettingsError, match="has no effort but 0"):
        ulbic.encode(synthetic_picture(64, 48), weights=path, effort=1)


def test_an_effort_that_there_is_not():
    with pytest.raises(SettingsError, match="an effort of 4 is not one of 0 to 3"):
        ulbic.encode(synthetic_picture(64, 48), effort=4)
