"""What only `base` has: MLIC++'s context model in the coder, mixed precision, weights by file."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from support import DISAGREEMENT, another_machine, synthetic_picture, toy_base_config

from ulbic.bitstream.container import read_container
from ulbic.codec.api import decode, encode, symbol_digest
from ulbic.codec.bundle import load_bundle
from ulbic.codec.decoder import decode_symbols
from ulbic.codec.describe import info
from ulbic.codec.encoder import encode_picture
from ulbic.codec.generate import Box, generate, inpaint, outpaint, uncrop
from ulbic.codec.latents import walk
from ulbic.codec.maskgit import MaskGitConfig
from ulbic.codec.networks import TorchNetworks
from ulbic.codec.tables import export_tables
from ulbic.errors import SettingsError, WeightsError
from ulbic.models.checkpoint import load_checkpoint, save_checkpoint
from ulbic.models.float64 import in_float64
from ulbic.models.model import UlbicModel

QUICK = MaskGitConfig(steps=2, sampled=True)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    model = UlbicModel(toy_base_config())
    with torch.no_grad():
        model.continuous.g_a[-1].weight.mul_(30)  # symbols that are not all zero
        model.continuous.prior.quantiles[:, :, 1] = 0.25
    path = tmp_path_factory.mktemp("weights") / "toy.safetensors"
    save_checkpoint(path, model, export_tables(model), torch.float32)
    return path


@pytest.fixture(scope="module")
def bundle(weights):
    return load_bundle(None, "cpu", weights)


def networks_of(path, convert):
    """The networks of a weight file, its context model in float64 by `convert`."""
    model = load_checkpoint(path).model
    return TorchNetworks(model, convert(copy.deepcopy(model.continuous.context)))


@pytest.mark.parametrize("size", [(1, 1), (33, 70), (160, 96)])
def test_every_size_goes_through_the_whole_path(weights, size):
    data = encode(synthetic_picture(*size), weights=weights, verify=True, device="cpu")
    assert decode(data, weights=weights, device="cpu").size == size


def test_a_file_says_that_its_weights_were_given_by_file(weights, bundle):
    data = encode(synthetic_picture(40, 40), weights=weights, device="cpu")
    account = info(data)
    assert account.model_number == 15
    assert account.weights_tag == f"{bundle.profile.tag:03x}"
    assert account.gain == 0  # `base` has a single rate point
    with pytest.raises(WeightsError, match="--weights"):
        decode(data, device="cpu")


def test_a_model_of_one_gain_has_no_regions(weights):
    with pytest.raises(SettingsError, match="has one gain, and no higher one for a region"):
        encode(synthetic_picture(40, 40), weights=weights, device="cpu", roi=(0, 0, 9, 9))


def test_a_file_of_the_bundled_weights_is_not_decoded_with_others(weights):
    with pytest.raises(WeightsError, match="these are 15:"):
        decode(encode(synthetic_picture(40, 40), device="cpu"), weights=weights, device="cpu")


def test_symbols_do_not_depend_on_how_float64_is_computed(weights, bundle):
    encoded = encode_picture(bundle, synthetic_picture(128, 96), bundle.profile.rate_point(4))
    container = read_container(encoded.data)
    plain = networks_of(weights, torch.nn.Module.double)
    assert decode_symbols(replace(bundle, networks=plain), container).digest == encoded.digest
    for trial in range(50):
        with another_machine(bundle.networks, DISAGREEMENT, trial):
            assert decode_symbols(bundle, container).digest == encoded.digest
    assert symbol_digest(encoded.data, weights=weights, device="cpu") == encoded.digest


@torch.no_grad()
def test_fast_float64_convolutions_are_convolutions(weights):
    plain, fast = networks_of(weights, torch.nn.Module.double), networks_of(weights, in_float64)
    z_hat = torch.randn(2, 16, 2, 3, dtype=torch.float64)
    told = [[], []]
    for networks, seen in zip((plain, fast), told, strict=True):

        def code(p, seen=seen):
            seen.append(torch.stack([p.mean, p.scale]))
            return p.mean.round()

        walk(networks, z_hat, (7, 9), code)
    assert len(told[0]) == 4
    for ours, theirs in zip(*told, strict=True):
        assert float((ours - theirs).abs().max()) < 1e-12


def test_completion_keeps_what_is_known(bundle):
    picture = synthetic_picture(96, 80)
    everything = Box(0, 0, 96, 80)
    untouched = uncrop(bundle, picture, everything, config=QUICK)
    hole = Box(32, 16, 64, 48)
    painted = inpaint(bundle, picture, hole, seed=1, config=QUICK)
    assert untouched.size == painted.size == picture.size
    assert untouched.tobytes() != painted.tobytes()
    assert outpaint(bundle, picture, left=16, bottom=32, config=QUICK).size == (112, 112)


def test_generation_follows_its_seed(bundle):
    first, again, other = (generate(bundle, seed, QUICK) for seed in (1, 1, 2))
    assert first.size == (256, 256)
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()
