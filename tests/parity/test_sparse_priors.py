"""Stackformer and DQ-Transformer against recorded outputs of the public code, float32."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from parity import sparse_fixtures
from parity.fixtures import needs_shared
from parity.test_sparse_first_stages import near

from ulbic.models.sparse.dqtransformer import DqTransformer
from ulbic.models.sparse.dqvae import DqVae, DualCodes
from ulbic.models.sparse.dual_sampling import sample_parts
from ulbic.models.sparse.mqvae import MqVae, Pairs
from ulbic.models.sparse.networks import load_public
from ulbic.models.sparse.sampling import GREEDY, sample_pairs
from ulbic.models.sparse.sequences import Part, Tokens, from_parts, joined, to_parts
from ulbic.models.sparse.stackformer import Stackformer

pytestmark = needs_shared
TOKENS = Tokens.of(sparse_fixtures.DQ_TRANSFORMER)


@pytest.fixture(scope="module")
def stack():
    return sparse_fixtures.arrays("stackformer_small")


@pytest.fixture(scope="module")
def dual():
    return sparse_fixtures.arrays("dqtransformer_small")


def stackformer(order="code-first"):
    config = replace(sparse_fixtures.STACKFORMER, order=order)
    return load_public(Stackformer(config), sparse_fixtures.tensors("stackformer_small"))


def dqtransformer():
    network = DqTransformer(sparse_fixtures.DQ_TRANSFORMER)
    return load_public(network, sparse_fixtures.tensors("dqtransformer_small"))


def first_stage(kind, config, name):
    tensors = {k: v for k, v in sparse_fixtures.tensors(name).items() if "masker_fc" not in k}
    return load_public(kind(config), tensors), sparse_fixtures.arrays(name)["image"]


def test_the_first_stage_gives_the_same_pairs(stack):
    network, image = first_stage(MqVae, sparse_fixtures.MQ_VAE, "mqvae_small")
    pairs = network.pairs(image)
    assert torch.equal(pairs.codes, stack["codes"])
    assert torch.equal(pairs.positions, stack["positions"])
    near(network.paint(pairs, 8, 8), stack["reconstruction"])
    started = stackformer().with_start(pairs)
    assert torch.equal(started.codes, stack["input_codes"])
    assert torch.equal(started.positions, stack["input_positions"])


@torch.no_grad()
@pytest.mark.parametrize(("order", "suffix"), [("code-first", ""), ("position-first", "_reversed")])
def test_stackformer_gives_the_same_logits_and_losses(stack, order, suffix):
    network, pairs = stackformer(order), Pairs(stack["codes"], stack["positions"])
    logits, losses = network(pairs), network.losses(pairs)
    near(logits.codes, stack[f"code_logits{suffix}"])
    near(logits.positions, stack[f"position_logits{suffix}"])
    near(losses.code, stack[f"code_loss{suffix}"])
    near(losses.position, stack[f"position_loss{suffix}"])
    if not suffix:
        near(losses.total, stack["total_loss"])


def test_stackformer_draws_the_same_pairs(stack):
    drawn = sample_pairs(stackformer(), 2, 25, seed=0, codes=GREEDY, positions=GREEDY, raster_order=False)
    assert torch.equal(drawn.codes, stack["greedy_codes"])
    assert torch.equal(drawn.positions, stack["greedy_positions"])


def recorded_parts(dual, prefix=""):
    return tuple(
        Part(dual[f"{prefix}{segment}_content"], dual[f"{prefix}{segment}_position"])
        for segment in ("coarse", "fine")
    )


def test_the_first_stage_gives_the_same_sequences(dual):
    network, image = first_stage(DqVae, sparse_fixtures.DQ_VAE, "dqvae_small")
    codes = network.codes(image)
    assert torch.equal(codes.indices, dual["indices"])
    assert torch.equal(codes.grains, dual["grain_indices"])
    for part, recorded in zip(to_parts(codes, TOKENS), recorded_parts(dual), strict=True):
        assert torch.equal(part.content, recorded.content)
        assert torch.equal(part.position, recorded.position)
    _, fine = to_parts(codes, replace(TOKENS, fine_order="region-first"))
    assert torch.equal(fine.content, dual["fine_content_region_first"])
    assert torch.equal(fine.position, dual["fine_position_region_first"])
    near(network.paint(from_parts(*recorded_parts(dual), TOKENS)), dual["reconstruction"])


def test_the_inputs_and_targets_are_the_same(dual):
    coarse, fine = recorded_parts(dual)
    sequence = joined(coarse, fine, TOKENS)
    for field, name in (("content", "content"), ("position", "position"), ("segment", "seg")):
        expected = torch.cat([dual[f"input_coarse_{name}"], dual[f"input_fine_{name}"]], dim=1)
        assert torch.equal(getattr(sequence, field), expected)
    target = sequence.span(1, None)
    assert torch.equal(target.content, dual["content_target"])
    position = torch.cat([dual["coarse_position_target"], dual["fine_position_target"]], dim=1)
    assert torch.equal(target.position, position)


@torch.no_grad()
def test_dq_transformer_gives_the_same_logits_and_losses(dual):
    network = dqtransformer()
    sequence = joined(*to_parts(DualCodes(dual["indices"], dual["grain_indices"]), TOKENS), TOKENS)
    logits, losses = network(sequence), network.losses(sequence)
    near(logits.content, dual["content_logits"])
    near(logits.position, dual["position_logits"])
    near(losses.content, dual["content_loss"])
    near(losses.coarse_position, dual["coarse_position_loss"])
    near(losses.fine_position, dual["fine_position_loss"])
    near(losses.position, dual["position_loss"])
    near(losses.total, dual["total_loss"])


@pytest.mark.parametrize(("computed", "prefix"), [(False, "greedy_"), (True, "greedy_fixed_")])
def test_dq_transformer_draws_the_same_sequences_with_the_public_mistakes(dual, computed, prefix):
    parts = sample_parts(
        dqtransformer(), 2, seed=0, contents=GREEDY, positions=GREEDY, computed_fine=computed, as_public=True
    )
    for part, recorded in zip(parts, recorded_parts(dual, prefix), strict=True):
        assert torch.equal(part.content, recorded.content)
        assert torch.equal(part.position, recorded.position)
