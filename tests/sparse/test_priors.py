"""The two priors: sequences and back, causality, padding, and losses."""

from __future__ import annotations

import pytest
import torch
from sparse import toys

from ulbic.models.sparse.config import DQ_TRANSFORMER, STACKFORMER, from_json, to_json
from ulbic.models.sparse.mqvae import Pairs
from ulbic.models.sparse.sequences import Sequence, Tokens, from_parts, joined, packed, to_parts
from ulbic.models.sparse.stackformer import Stackformer

TOKENS = Tokens.of(toys.DUAL)


def pairs(count=2, length=12):
    generator = torch.Generator().manual_seed(2)
    places = torch.rand(count, 64, generator=generator).argsort(dim=1)[:, :length].sort(dim=1).values
    return Pairs(torch.randint(24, (count, length), generator=generator), places)


def sequence(codes):
    return packed(joined(*to_parts(codes, TOKENS), TOKENS), TOKENS)


@pytest.mark.parametrize("order", ["row-first", "region-first"])
def test_codes_survive_their_sequence(order):
    tokens, codes = Tokens(24, 4, order), toys.dual_codes(0, 5, 16)
    coarse, fine = to_parts(codes, tokens)
    assert coarse.content.shape == (3, 17)
    assert fine.content.shape == (3, 65)
    back = from_parts(coarse, fine, tokens)
    assert torch.equal(back.indices, codes.indices)
    assert torch.equal(back.grains, codes.grains)


def test_a_sequence_is_start_coarse_end_start_fine_end_and_pads():
    codes = toys.dual_codes(15, 16)
    one, none = sequence(codes).content.tolist()
    start, end, pad = 26, 25, 24
    assert len(one) == len(none) == 1 + 15 + 2 + 4 + 1
    assert (one[0], one[16], one[17], one[22]) == (start, end, start, end)
    assert none[17:] == [end, start, end, pad, pad, pad]
    assert all(token < 24 for token in one[1:16] + one[18:22])


def test_packing_leaves_rows_as_they_are_alone():
    codes = toys.dual_codes(3, 9)
    both = sequence(codes)
    for row in range(2):
        alone = sequence(type(codes)(codes.indices[row : row + 1], codes.grains[row : row + 1]))
        length = alone.content.shape[1]
        for ours, field in zip(alone, both, strict=True):
            assert torch.equal(ours[0], field[row, :length])


@torch.no_grad()
def test_rows_do_not_see_their_padding():
    network, codes = toys.dq_transformer(), toys.dual_codes(3, 9)
    together = network(sequence(codes))
    for row in range(2):
        alone = network(sequence(type(codes)(codes.indices[row : row + 1], codes.grains[row : row + 1])))
        length = alone.content.shape[1]
        torch.testing.assert_close(together.content[row, :length], alone.content[0], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(together.position[row, :length], alone.position[0], atol=1e-4, rtol=1e-4)


@torch.no_grad()
def test_padding_in_the_middle_would_be_seen():
    network, codes = toys.dq_transformer(), toys.dual_codes(3, 9)
    alone = network(sequence(type(codes)(codes.indices[:1], codes.grains[:1])))
    public = network(joined(*to_parts(codes, TOKENS), TOKENS))
    last = alone.content.shape[1] - 1
    assert float((public.content[0, last + 6] - alone.content[0, last]).abs().max()) > 0.01


@torch.no_grad()
def test_the_losses_do_not_count_pads():
    network, codes = toys.dq_transformer(), toys.dual_codes(3, 9)
    packed_sequence = sequence(codes)
    longer = Sequence(
        torch.nn.functional.pad(packed_sequence.content, (0, 5), value=TOKENS.pad(1)[0]),
        torch.nn.functional.pad(packed_sequence.position, (0, 5), value=TOKENS.pad(1)[1]),
        torch.nn.functional.pad(packed_sequence.segment, (0, 5), value=1),
    )
    for ours, expected in zip(network.losses(longer), network.losses(packed_sequence), strict=True):
        torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("order", ["code-first", "position-first"])
def test_stackformer_is_causal(order):
    network, before = toys.stackformer(order=order), pairs()
    after = Pairs(before.codes.clone(), before.positions.clone())
    after.codes[:, 7] = (after.codes[:, 7] + 1) % 24
    ours, others = network(before), network(after)
    first, second = (ours.codes - others.codes).abs(), (ours.positions - others.positions).abs()
    assert float(first[:, :8].max()) < 1e-5
    assert float(second[:, :7].max()) < 1e-5
    assert float(first[:, 8].max()) > 1e-3
    sees_its_code = order == "code-first"
    assert (float(second[:, 7].max()) > 1e-3) == sees_its_code


@torch.no_grad()
def test_dq_transformer_is_causal_and_a_content_sees_its_own_position():
    network, before = toys.dq_transformer(), sequence(toys.dual_codes(6))
    after = Sequence(before.content, before.position.clone(), before.segment)
    after.position[:, 4] = (after.position[:, 4] + 1) % 16
    ours, others = network(before), network(after)
    content, position = (ours.content - others.content).abs(), (ours.position - others.position).abs()
    assert float(content[:, :3].max()) < 1e-5
    assert float(position[:, :4].max()) < 1e-5
    assert float(content[:, 3].max()) > 1e-3  # the logits of element 4
    assert float(position[:, 4].max()) > 1e-3


@torch.no_grad()
def test_step_by_step_equals_all_at_once():
    network, codes = toys.stackformer(), pairs()
    whole, started = network(codes), network.with_start(codes)
    first, second = {}, {}
    for step in range(12):
        newest = Pairs(started.codes[:, step : step + 1], started.positions[:, step : step + 1])
        hidden, logits = network.first(newest, step, first)
        torch.testing.assert_close(logits[:, 0], whole.codes[:, step], atol=1e-4, rtol=1e-4)
        logits = network.second(hidden, codes.codes[:, step : step + 1], second)
        torch.testing.assert_close(logits[:, 0], whole.positions[:, step], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("order", ["code-first", "position-first"])
def test_every_weight_of_stackformer_learns(order):
    network = toys.stackformer(order=order).train()
    network.losses(pairs()).total.backward()
    assert toys.without_gradient(network) == []


def test_every_weight_of_dq_transformer_learns():
    network = toys.dq_transformer().train()
    network.losses(sequence(toys.dual_codes(4, 9))).total.backward()
    assert toys.without_gradient(network) == []


def test_untrained_priors_are_about_even():
    torch.manual_seed(0)
    with torch.no_grad():
        losses = Stackformer(toys.STACK).losses(pairs())
    assert float(losses.code) == pytest.approx(3.219, abs=0.1)  # log 25
    assert float(losses.position) == pytest.approx(4.174, abs=0.1)  # log 65


def test_configurations_survive_their_json():
    for config in (STACKFORMER, DQ_TRANSFORMER):
        assert from_json(to_json(config)) == config
