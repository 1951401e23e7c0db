"""MQ-VAE and DQ-VAE against recorded outputs of the public code, float32."""

from __future__ import annotations

import pytest
import torch
from parity import sparse_fixtures
from parity.fixtures import needs_shared

from ulbic.models.sparse.dqvae import DqVae, DualCodes
from ulbic.models.sparse.masker import AdaptiveMask, mask_map
from ulbic.models.sparse.mqvae import MqVae, Pairs
from ulbic.models.sparse.networks import load_public
from ulbic.models.sparse.router import budget_loss, code_shares, merge, patch_entropy

pytestmark = needs_shared


def near(ours, reference):
    assert ours.shape == reference.shape
    assert float((ours.detach() - reference).abs().max()) <= 1e-4


@pytest.fixture
def mq():
    tensors = {k: v for k, v in sparse_fixtures.tensors("mqvae_small").items() if "masker_fc" not in k}
    return load_public(MqVae(sparse_fixtures.MQ_VAE), tensors), sparse_fixtures.arrays("mqvae_small")


@pytest.fixture
def dq():
    tensors = sparse_fixtures.tensors("dqvae_small")
    return load_public(DqVae(sparse_fixtures.DQ_VAE), tensors), sparse_fixtures.arrays("dqvae_small")


@torch.no_grad()
def test_mq_vae_keeps_the_same_positions_and_codes(mq):
    network, recorded = mq
    output = network(recorded["image"])
    masked, quantised = output.masked, output.quantised
    near(network.encoder.maps(recorded["image"])[0], recorded["encoder_output"])
    near(masked.scores, recorded["scores"])
    assert torch.equal(masked.positions, recorded["positions"])
    assert torch.equal(masked.remaining, recorded["remaining_positions"])
    near(masked.scores.gather(1, masked.positions), recorded["kept_scores"])
    near(mask_map(masked.positions, 64), recorded["mask"])
    near(masked.features, recorded["sampled_features"])
    assert torch.equal(quantised.indices, recorded["indices"])
    near(quantised.values, recorded["quantized"])
    near(1.25 * quantised.commitment, recorded["quant_loss"])  # with the term that has no gradient


@torch.no_grad()
def test_mq_vae_paints_the_same_picture(mq):
    network, recorded = mq
    values = network(recorded["image"]).quantised.values
    near(network.demasker(values, recorded["positions"], 8, 8), recorded["demasked"])
    near(network(recorded["image"]).reconstruction, recorded["reconstruction"])
    pairs = Pairs(recorded["indices"], recorded["positions"])
    near(network.paint(pairs, 8, 8), recorded["reconstruction"])


@torch.no_grad()
def test_the_fully_connected_masker_keeps_the_same(mq):
    _, recorded = mq
    config = sparse_fixtures.MqVaeConfig(**{**vars(sparse_fixtures.MQ_VAE), "score": "linear"})
    masker = AdaptiveMask(config)
    tensors = sparse_fixtures.tensors("mqvae_small")
    masker.load_state_dict(
        {k.removeprefix("masker_fc."): v.float() for k, v in tensors.items() if k.startswith("masker_fc.")}
    )
    masked = masker(recorded["encoder_output"])
    near(masked.scores, recorded["scores_fc"])
    assert torch.equal(masked.positions, recorded["positions_fc"])
    near(masked.features, recorded["sampled_features_fc"])


@torch.no_grad()
def test_the_scoring_network_trains_on_the_statistics_of_the_batch(mq):
    network, recorded = mq
    network.masker.train()
    masked = network.masker(recorded["encoder_output"])
    assert torch.equal(masked.positions, recorded["positions_training"])
    near(masked.scores.gather(1, masked.positions), recorded["kept_scores_training"])
    norm = network.masker.score_pred_net[4]
    near(torch.cat([norm.running_mean, norm.running_var]), recorded["score_bn_after"])


def test_the_codebook_moves_alike(mq):
    network, recorded = mq
    features = recorded["sampled_features"]
    network.quantize.absorb(features, network.quantize.nearest(features))
    book = network.quantize.codebook
    near(book.cluster_size_ema, recorded["cluster_size_ema_after"])
    near(book.embed_ema, recorded["embed_ema_after"])
    near(book.weight[:-1], recorded["codebook_after"])


@torch.no_grad()
def test_dq_vae_routes_and_paints_alike(dq):
    network, recorded = dq
    output = network(recorded["image"])
    routed, quantised = output.routed, output.quantised
    near(routed.maps[0], recorded["h_coarse"])
    near(routed.maps[1], recorded["h_fine"])
    near(routed.logits, recorded["gate_logits"])
    assert torch.equal(routed.grains, recorded["grain_indices"])
    near(routed.merged, recorded["h_dual"])
    near(code_shares(routed.grains, 2), recorded["codebook_mask"])
    assert torch.equal(quantised.indices, recorded["indices"])
    near(quantised.values, recorded["quantized"])
    near(1.25 * quantised.commitment, recorded["quant_loss"])
    near(output.reconstruction, recorded["reconstruction"])
    codes = DualCodes(recorded["indices"], recorded["grain_indices"])
    near(network.paint(codes), recorded["reconstruction_from_indices"])


def test_dq_vae_routes_alike_in_training(dq):
    network, recorded = dq
    network.train()
    with torch.no_grad():
        maps = network.encoder.maps(recorded["image"])
    logits = recorded["gate_logits"].clone().requires_grad_()
    routed = network.encoder.route(maps, logits, recorded["gumbel_noise"])
    near(routed.gate.permute(0, 3, 1, 2), recorded["gate_training"])
    assert torch.equal(routed.grains, recorded["grain_indices_training"])
    near(routed.merged, recorded["h_dual_training"])

    weight = torch.linspace(-1, 1, routed.merged.numel()).view_as(routed.merged)
    (gradient,) = torch.autograd.grad((weight * routed.merged).sum(), logits, retain_graph=True)
    near(gradient, recorded["routing_grad_gate_logits"])

    loss = 2 * network.budget_loss(routed.gate)  # the public code counts it twice
    near(loss, recorded["budget_loss_training"])
    near(torch.autograd.grad(loss, logits)[0], recorded["budget_grad_gate_logits"])


@torch.no_grad()
def test_dq_vae_routes_alike_with_its_own_forward_pass_in_training(dq):
    network, recorded = dq
    routed = network.train().encoder(recorded["image"], recorded["gumbel_noise"])
    near(routed.merged, recorded["h_dual_training"])


def test_budgets_are_the_same_numbers(dq):
    _, recorded = dq
    raw = 2 * budget_loss(recorded["gate_logits"], (0.5,), (10.0,))  # as public validation logs it
    near(raw, recorded["budget_loss_eval"])
    triple = budget_loss(recorded["triple_gate"].permute(0, 2, 3, 1), (0.3, 0.3), (1.0, 1.0))
    near(triple, recorded["triple_budget_loss"])


def test_the_entropy_router_chooses_the_same_regions(dq):
    _, recorded = dq
    entropy = patch_entropy(recorded["image"], 4)
    near(entropy, recorded["entropy"])
    fine = entropy > float(recorded["entropy_threshold"])
    assert torch.equal(fine.long(), recorded["entropy_grain_indices"])


@torch.no_grad()
def test_merging_takes_each_region_from_its_map(dq):
    _, recorded = dq
    maps = [recorded["h_coarse"], recorded["h_fine"]]
    near(merge(maps, recorded["grain_indices"]), recorded["h_dual"])
