"""The architectures: the papers' sizes in `base`, the bundled one in `tiny`."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch
import torch.nn.functional as F

from ulbic.codec.latents import walk
from ulbic.codec.networks import TorchNetworks
from ulbic.models.bridge import Bridge
from ulbic.models.config import BASE, PRESETS, TINY, BridgeConfig, ModelConfig
from ulbic.models.continuous import enlarge
from ulbic.models.entropy import gaussian_likelihood
from ulbic.models.model import UlbicModel
from ulbic.models.phases import quincunx
from ulbic.models.predictor import MaskPredictor
from ulbic.models.tokenizer import Tokenizer


def parameters(module):
    return sum(p.numel() for p in module.parameters())


def test_base_tokenizer_has_the_papers_parameters():
    with torch.device("meta"):
        tokenizer = Tokenizer(BASE.tokenizer)
    assert parameters(tokenizer.encoder) == 23_775_104
    assert parameters(tokenizer.decoder) == 30_478_339
    assert tuple(tokenizer.quantize.embedding.weight.shape) == (1024, 256)


def test_tiny_fits_its_thirty_two_mebibytes():
    with torch.device("meta"):
        model = UlbicModel(TINY)
    assert parameters(model) * 2 < 31.5 * 2**20


@pytest.mark.parametrize("config", PRESETS.values(), ids=PRESETS)
def test_configurations_survive_json(config):
    assert ModelConfig.from_json(config.to_json()) == config


def test_an_unknown_field_in_json_is_refused():
    raw = json.loads(TINY.to_json())
    raw["predictor"]["surprise"] = 1
    with pytest.raises(TypeError):
        ModelConfig.from_json(json.dumps(raw))


@pytest.mark.parametrize("kind", ["linear", "shared", "separate"])
def test_every_bridge_fits_predictor_and_correction(kind):
    config = dataclasses.replace(TINY, bridge=dataclasses.replace(TINY.bridge, kind=kind))
    model = UlbicModel(config).eval()
    y_hat, gain = torch.randn(1, TINY.continuous.latents, 8, 8), torch.tensor([3])
    with torch.no_grad():
        restoration = model.restore(y_hat, gain)
        features = model.bridge(y_hat, restoration)
        indices, known = torch.zeros(1, 16, 16, dtype=torch.long), torch.zeros(1, 16, 16, dtype=torch.bool)
        logits = model.predictor(indices, ~known, features.assist)
        picture = model.paint(model.tokenizer.quantize(indices), known, features.correction, restoration)
    assert restoration.shape == (1, 3, 256, 256)
    assert logits.shape == (1, 256, 1024)
    assert picture.shape == (1, 3, 256, 256)


def test_separate_is_the_default_bridge():
    assert BridgeConfig().kind == BASE.bridge.kind == TINY.bridge.kind == "separate"
    assert Bridge.assist_shape(BASE) == (256, 16)


@pytest.fixture(scope="module")
def predictor():
    torch.manual_seed(0)
    return MaskPredictor(TINY.predictor, 112, 16).eval()


def test_masked_indices_do_not_leak_into_the_logits(predictor):
    masked = torch.rand(1, 16, 16) < 0.6
    first = torch.randint(0, 1024, (1, 16, 16))
    second = torch.where(masked, torch.randint(0, 1024, (1, 16, 16)), first)
    with torch.no_grad():
        assert torch.equal(predictor(first, masked, None), predictor(second, masked, None))


def test_the_cross_attention_starts_as_a_no_op(predictor):
    indices, masked = torch.zeros(1, 16, 16, dtype=torch.long), torch.ones(1, 16, 16, dtype=torch.bool)
    with torch.no_grad():
        alone = predictor(indices, masked, None)
        assisted = predictor(indices, masked, torch.randn(1, 112, 16, 16))
    torch.testing.assert_close(alone, assisted)


def test_keeping_everything_equals_the_generation_path(predictor):
    indices, masked = torch.randint(0, 1024, (2, 16, 16)), torch.rand(2, 16, 16) < 0.5
    everything = torch.arange(257).expand(2, -1)
    with torch.no_grad():
        torch.testing.assert_close(
            predictor(indices, masked, None), predictor(indices, masked, None, everything)
        )


def test_the_context_model_only_looks_back():
    """What a pass is told must not depend on latents coded in it or later."""
    torch.manual_seed(0)
    networks = TorchNetworks(UlbicModel(TINY).eval())
    z_hat, size = torch.randn(1, 48, 2, 2), (8, 8)

    def told(changed_from):
        seen = []

        def code(p):
            seen.append((p.mean[:, :, p.cells], p.scale[:, :, p.cells]))
            return torch.full_like(p.mean, 5.0 if len(seen) > changed_from else 1.0)

        with torch.no_grad():
            walk(networks, z_hat, size, code)
        return seen

    reference = told(99)
    passes = len(TINY.continuous.slices) * TINY.continuous.phases
    assert len(reference) == passes == 15
    for changed in range(passes):
        for earlier in range(changed + 1):
            for ours, theirs in zip(told(changed)[earlier], reference[earlier], strict=True):
                assert torch.equal(ours, theirs)


def phases_of(size, phases):
    numbers = torch.full(size, -1)
    for number, cells in enumerate(quincunx(size, phases, torch.device("cpu"))):
        assert bool((numbers[cells] == -1).all())
        numbers[cells] = number
    return numbers.tolist()


def test_two_phases_are_the_colours_of_a_checkerboard():
    assert phases_of((3, 5), 2) == [[1, 0, 1, 0, 1], [0, 1, 0, 1, 0], [1, 0, 1, 0, 1]]


def test_every_phase_doubles_what_is_known():
    assert phases_of((4, 4), 3) == [[2, 0, 2, 0], [1, 2, 1, 2], [2, 0, 2, 0], [1, 2, 1, 2]]
    assert phases_of((4, 4), 4) == [[3, 1, 3, 0], [2, 3, 2, 3], [3, 0, 3, 1], [2, 3, 2, 3]]


def test_a_single_latent_belongs_to_the_last_phase():
    assert phases_of((1, 1), 3) == [[2]]


def test_gaussian_likelihood_sums_to_one():
    values = torch.arange(-200, 201, dtype=torch.float64)
    for scale in (0.11, 1.0, 20.0):
        assert gaussian_likelihood(values, torch.tensor(scale)).sum() == pytest.approx(1, abs=1e-6)


def test_enlarging_is_bicubic_and_keeps_slopes():
    small = torch.rand(2, 3, 9, 11, generator=torch.Generator().manual_seed(1))
    expected = F.interpolate(small, scale_factor=2.0, mode="bicubic", antialias=True)
    inside = (..., slice(4, -4), slice(4, -4))
    torch.testing.assert_close(enlarge(small)[inside], expected[inside], rtol=0, atol=1e-6)
    slope = torch.arange(16.0).expand(1, 1, 16, 16)
    assert enlarge(slope)[0, 0, 9, 8:12].tolist() == [3.75, 4.25, 4.75, 5.25]
