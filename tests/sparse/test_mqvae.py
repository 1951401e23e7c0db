"""The masked quantiser: what is kept, what learns, and that the pairs alone make the picture."""

from __future__ import annotations

import pytest
import torch
from sparse import toys

from ulbic.models.sparse.config import MQ_VAE, TINY_MQ_VAE, from_json, to_json
from ulbic.models.sparse.masker import AdaptiveMask, baseline_scores
from ulbic.models.sparse.mqvae import Pairs
from ulbic.models.sparse.quantiser import Quantiser, random_picks


def pictures(count=2, side=128):
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(3)) * 2 - 1


def test_a_quarter_of_the_positions_is_kept_each_once():
    masked = toys.mq_vae()(pictures()).masked
    assert masked.positions.shape == (2, 16)
    everything = torch.cat([masked.positions, masked.remaining], dim=1).sort(dim=1).values
    assert torch.equal(everything, torch.arange(64).expand(2, -1))
    kept, dropped = masked.scores.gather(1, masked.positions), masked.scores.gather(1, masked.remaining)
    assert (kept.diff(dim=1) <= 0).all()
    assert (kept[:, -1] >= dropped.max(dim=1).values).all()


@torch.no_grad()
def test_the_public_configuration_keeps_307_of_1024():
    masker = AdaptiveMask(MQ_VAE).eval()
    assert masker(torch.randn(1, 256, 32, 32)).positions.shape == (1, 307)
    assert masker(torch.randn(1, 256, 32, 32), kept=5).positions.shape == (1, 5)


def test_every_weight_learns():
    network = toys.mq_vae().train()
    output = network(pictures())
    (output.reconstruction.square().mean() + output.quantised.commitment).backward()
    assert toys.without_gradient(network) == []


def test_dropped_positions_teach_the_scoring_network_nothing():
    network = toys.mq_vae().eval()
    features = torch.randn(1, 32, 4, 4)
    masked = network.masker(features)
    (gradient,) = torch.autograd.grad(masked.features.square().sum(), masked.scores)
    assert set(gradient[0].nonzero()[:, 0].tolist()) == set(masked.positions[0].tolist())


@torch.no_grad()
def test_the_pairs_alone_make_the_picture_in_any_order():
    network = toys.mq_vae().eval()
    output = network(pictures())
    pairs = network.pairs(pictures())
    assert (pairs.positions.diff(dim=1) > 0).all()
    torch.testing.assert_close(network.paint(pairs, 8, 8), output.reconstruction, atol=1e-5, rtol=1e-4)
    turned = Pairs(pairs.codes.flip(1), pairs.positions.flip(1))
    torch.testing.assert_close(network.paint(turned, 8, 8), network.paint(pairs, 8, 8))


@torch.no_grad()
def test_pictures_need_not_be_square():
    network = toys.mq_vae().eval()
    picture = torch.rand(1, 3, 64, 160)
    assert network(picture).reconstruction.shape == picture.shape
    assert network.pairs(picture).positions.shape == (1, 10)


def test_dropped_positions_weigh_more_from_block_to_block():
    network, weights = toys.mq_vae(demask_blocks=4).eval(), []
    for block in network.demasker.transformer.blocks:
        block.register_forward_hook(lambda _m, inputs, _o: weights.append(inputs[1][0]))
    network(pictures(1))
    assert [round(float(w.min()), 3) for w in weights] == [0.02, 0.141, 0.376, 0.613]
    assert all(int((w == 1).sum()) == 16 for w in weights)


def test_a_regular_quarter_is_every_second_row_and_column():
    order = baseline_scores("regular", 1, 8, 8)[0].argsort(descending=True, stable=True)
    kept = torch.zeros(64, dtype=torch.bool).scatter_(0, order[:16], True).view(8, 8)
    assert kept.nonzero().tolist() == [[r, c] for r in range(0, 8, 2) for c in range(0, 8, 2)]


@pytest.mark.parametrize("selection", ["random", "regular"])
def test_the_baselines_need_no_scoring_network(selection):
    network = toys.mq_vae(selection=selection).train()
    output = network(pictures())
    output.reconstruction.square().mean().backward()
    assert output.masked.positions.shape == (2, 16)
    assert not any("score" in name for name, _ in network.named_parameters())
    assert network.masker.pre_projection.weight.grad.any()


def test_the_row_after_the_codes_is_never_chosen():
    quantiser = Quantiser(4, 2)
    with torch.no_grad():
        quantiser.codebook.weight[:] = torch.tensor([[0, 0], [1, 0], [0, 1], [1, 1], [5, 5]]).float()
    features = torch.tensor([[[5.0, 0.9], [5.0, 0.1]]])  # (1, 2, 2)
    output = quantiser(features)
    assert output.indices.tolist() == [[3, 1]]
    assert output.values.tolist() == [[[1, 1], [1, 0]]]
    assert float(output.commitment) == pytest.approx((16 + 16 + 0.01 + 0.01) / 4)


def test_the_gradient_passes_the_quantiser_and_leaves_the_codebook():
    quantiser, features = Quantiser(4, 2), torch.randn(1, 2, 3, requires_grad=True)
    quantiser(features).values.sum().backward()
    assert torch.equal(features.grad, torch.ones(1, 2, 3))
    assert quantiser.codebook.weight.grad is None


def test_codes_move_to_the_mean_of_what_they_stand_for():
    quantiser = Quantiser(2, 1)
    with torch.no_grad():
        quantiser.codebook.weight[:] = torch.tensor([[-1.0], [1.0], [0.0]])
    features = torch.tensor([[[-3.0, -2.0, 2.0, 6.0]]])
    for _ in range(3):
        quantiser.absorb(features, quantiser.nearest(features), decay=0.5)
    torch.testing.assert_close(quantiser.codebook.weight[:2, 0], torch.tensor([-2.5, 4.0]), atol=1e-3, rtol=0)


def test_unused_codes_become_features():
    torch.manual_seed(0)
    quantiser, features = Quantiser(32, 4), 3 * torch.randn(2, 4, 100)
    rows = features.movedim(1, -1).flatten(0, -2)
    for _ in range(2):
        indices = quantiser.nearest(features)
        quantiser.absorb(features, indices, restart=lambda n: rows[random_picks(len(rows), n)])
    assert quantiser.nearest(features).unique().numel() >= 30


def test_random_picks_differ_as_long_as_there_are_enough():
    assert sorted(random_picks(6, 6).tolist()) == [0, 1, 2, 3, 4, 5]
    assert sorted(set(random_picks(6, 8).tolist())) == [0, 1, 2, 3, 4, 5]
    assert random_picks(6, 0).tolist() == []


def test_configurations_survive_their_json():
    assert from_json(to_json(MQ_VAE)) == MQ_VAE
    assert from_json(to_json(TINY_MQ_VAE)) == TINY_MQ_VAE
