"""Draws, and pictures out of nothing."""

from __future__ import annotations

import pytest
import torch
from sparse import toys

from ulbic.models.sparse.dual_sampling import sample_parts
from ulbic.models.sparse.generate import generate_dual, generate_masked
from ulbic.models.sparse.sampling import GREEDY, Draw, Drawer, sample_pairs
from ulbic.models.sparse.sequences import from_parts

EVEN = Draw()  # neither top-k nor top-p


def frequencies(draw, probabilities, allowed=None, count=4000):
    logits = torch.tensor(probabilities).log().expand(count, -1)
    mask = torch.ones(count, len(probabilities), dtype=torch.bool)
    if allowed is not None:
        mask = torch.tensor(allowed).expand(count, -1)
    drawn = Drawer(count, seed=0)(logits, mask, draw)
    return (drawn.bincount(minlength=len(probabilities)) / count).tolist()


def test_draws_follow_the_probabilities():
    assert frequencies(EVEN, [0.5, 0.3, 0.2]) == pytest.approx([0.5, 0.3, 0.2], abs=0.03)


def test_top_k_and_top_p_leave_the_likeliest():
    assert frequencies(Draw(top_k=2), [0.2, 0.5, 0.3])[0] == 0
    assert frequencies(Draw(top_p=0.7), [0.2, 0.5, 0.3]) == pytest.approx([0, 0.625, 0.375], abs=0.03)
    assert frequencies(Draw(top_p=0.4), [0.2, 0.5, 0.3]) == [0, 1, 0]
    assert frequencies(GREEDY, [0.2, 0.5, 0.3]) == [0, 1, 0]


def test_temperature_sharpens():
    assert frequencies(Draw(temperature=0.5), [0.6, 0.4]) == pytest.approx([0.692, 0.308], abs=0.03)


def test_what_is_not_allowed_is_never_drawn():
    share = frequencies(EVEN, [0.9, 0.05, 0.05], [False, True, True])
    assert share == pytest.approx([0, 0.5, 0.5], abs=0.03)
    assert frequencies(Draw(top_k=2), [0.9, 0.06, 0.04], [False, True, False]) == [0, 1, 0]


@pytest.mark.parametrize("order", ["code-first", "position-first"])
@pytest.mark.parametrize("raster_order", [True, False])
def test_no_position_comes_twice(order, raster_order):
    network = toys.stackformer(order=order)
    drawn = sample_pairs(network, 3, 64, 5, EVEN, EVEN, raster_order)
    assert torch.equal(drawn.positions.sort(dim=1).values, torch.arange(64).expand(3, -1))
    assert int(drawn.codes.max()) < 24
    rising = (drawn.positions.diff(dim=1) > 0).all()
    assert bool(rising) == raster_order


def test_raster_order_leaves_room_for_what_follows():
    positions = sample_pairs(toys.stackformer(), 4, 20, 0, EVEN, EVEN).positions
    assert (positions.diff(dim=1) > 0).all()
    assert int(positions.max()) < 64


def test_more_pairs_than_positions_are_refused():
    with pytest.raises(ValueError, match="65 pairs"):
        sample_pairs(toys.stackformer(), 1, 65, 0)


def test_a_picture_depends_on_its_seed_alone():
    network = toys.stackformer()
    three = sample_pairs(network, 3, 10, seed=7)
    last = sample_pairs(network, 1, 10, seed=9)
    assert torch.equal(three.codes[2:], last.codes)
    assert torch.equal(three.positions[2:], last.positions)
    assert not torch.equal(three.positions[0], three.positions[1])


@pytest.mark.parametrize("computed_fine", [True, False])
def test_every_place_is_filled_once(computed_fine):
    network = toys.dq_transformer()
    coarse, fine = sample_parts(network, 6, 3, EVEN, EVEN, computed_fine)
    for row in range(6):
        regions = [p for p in coarse.position[row].tolist() if p < 16]
        places = [p for p in fine.position[row].tolist() if p < 64]
        covered = [16 * (r // 4) + 2 * (r % 4) + d for r in regions for d in (0, 1, 8, 9)]
        assert sorted(covered + places) == list(range(64))
        assert 25 in coarse.content[row].tolist()  # the end, as in training
        assert 25 in fine.content[row].tolist()
    assert int(from_parts(coarse, fine, network.tokens).indices.max()) < 24


def test_the_last_coarse_position_can_be_drawn():
    network = toys.dq_transformer()
    norm, head = network.position_head
    with torch.no_grad():  # the likeliest position, whatever came before
        norm.weight.zero_()
        norm.bias.fill_(1)
        head.weight.zero_()
        head.weight[15] = 1
    drawn, _ = sample_parts(network, 1, 0, EVEN, GREEDY)
    public, _ = sample_parts(network, 1, 0, EVEN, GREEDY, as_public=True)
    assert int(drawn.position[0, 0]) == 15
    assert not (public.position == 15).any()


def test_a_picture_of_dq_transformer_depends_on_its_seed_alone():
    network = toys.dq_transformer()
    three = from_parts(*sample_parts(network, 3, 7), network.tokens)
    last = from_parts(*sample_parts(network, 1, 9), network.tokens)
    assert torch.equal(three.indices[2:], last.indices)
    assert torch.equal(three.grains[2:], last.grains)
    assert not torch.equal(three.grains[0], three.grains[1])


def test_stackformer_makes_pictures():
    made = generate_masked(toys.stackformer(), toys.mq_vae(), count=2, seed=1)
    assert made.pictures.shape == (2, 3, 128, 128)
    assert made.pairs.codes.shape == (2, 16)
    assert 0 <= float(made.pictures.min()) < float(made.pictures.max()) <= 1
    again = generate_masked(toys.stackformer(), toys.mq_vae(), count=1, seed=2)
    torch.testing.assert_close(again.pictures[0], made.pictures[1], atol=1e-5, rtol=0)


def test_dq_transformer_makes_pictures():
    made = generate_dual(toys.dq_transformer(), toys.dq_vae(), count=2, seed=1)
    assert made.pictures.shape == (2, 3, 128, 128)
    assert made.codes.indices.shape == (2, 8, 8)
    assert 0 <= float(made.pictures.min()) < float(made.pictures.max()) <= 1


def test_a_prior_of_other_codes_is_refused():
    with pytest.raises(ValueError, match="not a prior"):
        generate_masked(toys.stackformer(codes=25), toys.mq_vae())
    with pytest.raises(ValueError, match="not a prior"):
        generate_dual(toys.dq_transformer(codes=25), toys.dq_vae())
