"""Our networks against recorded outputs of the public reference implementations, float32."""

from __future__ import annotations

import pytest
import torch
from parity.fixtures import load, needs_shared

from ulbic.codec.latents import Pass, walk
from ulbic.codec.networks import TorchNetworks
from ulbic.models.entropy import gaussian_likelihood
from ulbic.training.predictor_stage import masked_loss

pytestmark = needs_shared


def assert_near(ours, reference):
    assert float((ours - reference).abs().max()) <= 1e-4


@pytest.fixture(scope="module")
def vqgan():
    fixture = load("mage-vqgan", "mage_vqgan_small")
    return fixture.model.tokenizer, fixture.arrays


@torch.no_grad()
def test_vqgan_encodes_to_the_same_indices(vqgan):
    tokenizer, arrays = vqgan
    assert_near(tokenizer.encoder(arrays["image"]), arrays["encoder_output"])
    assert torch.equal(tokenizer.indices(arrays["image"]), arrays["indices"])


@torch.no_grad()
def test_vqgan_reconstructs_the_same_picture(vqgan):
    tokenizer, arrays = vqgan
    quantised = tokenizer.quantize(arrays["indices"])
    assert_near(quantised, arrays["quantized"])
    assert_near(tokenizer.decoder(quantised), arrays["reconstruction"])


@pytest.fixture(scope="module")
def vit():
    fixture = load("mage-vit", "mage_vit_small")
    ids = fixture.arrays["input_ids"][:, 1:]
    masked = (ids == fixture.model.config.predictor.mask_id).view(-1, 16, 16)
    return fixture.model.predictor, ids.view_as(masked), masked, fixture.arrays


@torch.no_grad()
def test_vit_predicts_the_same_logits_from_the_whole_sequence(vit):
    predictor, indices, masked, arrays = vit
    assert_near(predictor(indices, masked, None), arrays["logits_generation"][:, 1:])


@torch.no_grad()
def test_vit_predicts_the_same_logits_and_loss_with_dropped_tokens(vit):
    predictor, indices, masked, arrays = vit
    kept = (arrays["drop_mask"] == 0).nonzero()[:, 1].view(len(indices), -1)
    logits = predictor(indices, masked, None, kept)
    assert_near(logits, arrays["logits_training"][:, 1:])
    loss, _ = masked_loss(logits, arrays["target_ids"].view_as(indices), masked, smoothing=0.1)
    assert_near(loss, arrays["loss_training"])


@torch.no_grad()
def test_mlicpp_codes_the_same_latents_and_picture():
    model, arrays = load("mlicpp", "mlicpp_small")
    stream, networks = model.continuous, TorchNetworks(model)
    y, z = networks.hyper_analyse(stream.transform(arrays["image"]), torch.tensor([0]))
    assert_near(y, arrays["y"])
    assert_near(z + stream.prior.medians, arrays["z"])

    z_hat = z.round()
    likelihoods = torch.zeros_like(y)

    def quantise(p: Pass) -> torch.Tensor:
        residual = (y[:, p.channels] - p.mean).round()
        likelihoods[:, p.channels] += gaussian_likelihood(residual, p.scale) * p.cells
        return residual + p.mean

    y_hat = walk(networks, z_hat, (y.shape[2], y.shape[3]), quantise)
    assert_near(stream.prior.likelihood(z_hat + stream.prior.medians), arrays["z_likelihoods"])
    assert_near(likelihoods, arrays["y_likelihoods"])
    assert_near(stream.synthesise(y_hat, torch.tensor([0])), arrays["x_hat"])
