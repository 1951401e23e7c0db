"""The dynamic quantiser: budget, router, and what a coarse region is."""

from __future__ import annotations

import pytest
import torch
from sparse import toys

from ulbic.models.sparse.config import DQ_VAE_TRIPLE, DqVaeConfig, from_json, to_json
from ulbic.models.sparse.dqvae import DualCodes
from ulbic.models.sparse.router import (
    budget_loss,
    code_shares,
    entropy_threshold,
    grain_share,
    gumbel_noise,
    merge,
    patch_entropy,
    straight_through,
)

TRIPLE = {
    "granularities": 3,
    "target_shares": (0.3, 0.3),
    "budget_weights": (1.0, 1.0),
}


def pictures(count=2, side=128):
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(3)) * 2 - 1


def one_hot(grains, granularities=2):
    return torch.nn.functional.one_hot(torch.tensor(grains), granularities).float()


def test_the_share_is_that_of_the_whole_batch():
    gate = one_hot([[[1, 1], [1, 1]], [[1, 0], [1, 0]]])
    assert float(grain_share(gate, 1)) == pytest.approx(6 / 8)


def test_the_budget_counts_once():
    gate = one_hot([[[1, 1], [1, 0]]])
    assert float(budget_loss(gate, (0.5,), (10.0,))) == pytest.approx(10 * 0.25**2)
    assert float(budget_loss(gate, (0.75,), (10.0,))) == pytest.approx(0)


def test_the_budget_of_three_granularities_has_a_term_for_each_finer_one():
    gate = one_hot([[[0, 1], [2, 2]]], 3)
    assert float(grain_share(gate, 1)) == pytest.approx(0.25)
    assert float(grain_share(gate, 2)) == pytest.approx(0.5)
    assert float(budget_loss(gate, (0.25, 0.3), (5.0, 2.0))) == pytest.approx(2 * 0.2**2)


def test_the_budget_pushes_the_router_towards_its_target():
    logits = torch.zeros(1, 4, 4, 2, requires_grad=True)
    noise = torch.zeros(1, 4, 4, 2)
    noise[..., 1] = 1  # all regions fine
    budget_loss(straight_through(logits, noise), (0.5,), (10.0,)).backward()
    assert (logits.grad[..., 1] > 0).all()
    assert (logits.grad[..., 0] < 0).all()


def test_the_router_learns_to_keep_the_budget():
    torch.manual_seed(0)
    router = toys.dq_vae().encoder.router
    maps = [torch.randn(16, 32, 4, 4), torch.randn(16, 32, 8, 8)]
    optimizer, shares = torch.optim.Adam(router.parameters(), 1e-2), []
    for _ in range(40):
        logits = router(maps)
        gate = straight_through(logits, gumbel_noise(logits))
        optimizer.zero_grad()
        budget_loss(gate, (0.25,), (10.0,)).backward()
        optimizer.step()
        shares.append(float(grain_share(gate.detach(), 1)))
    assert shares[0] == pytest.approx(0.5, abs=0.15)
    assert sum(shares[-10:]) / 10 == pytest.approx(0.25, abs=0.05)


def test_gates_are_one_hot():
    gate = straight_through(torch.tensor([[0.3, 0.2], [0.0, 4.0]]), torch.tensor([[0.0, 0.5], [0.0, 0.0]]))
    torch.testing.assert_close(gate, torch.tensor([[0.0, 1.0], [0.0, 1.0]]))


def test_regions_come_from_the_map_of_their_granularity():
    coarse = torch.tensor([[[[1.0, 2.0]]]])
    fine = torch.tensor([[[[3.0, 4.0, 5.0, 6.0], [7.0, 8.0, 9.0, 10.0]]]])
    merged = merge([coarse, fine], torch.tensor([[[0, 1]]]))
    assert merged.tolist() == [[[[1, 1, 5, 6], [1, 1, 9, 10]]]]
    assert code_shares(torch.tensor([[[0, 1]]]), 2)[0, 0].tolist() == [[0.25, 0.25, 1, 1]] * 2
    assert code_shares(torch.tensor([[[0]]]), 3)[0, 0].unique().tolist() == [0.0625]


@pytest.mark.parametrize("changes", [{}, TRIPLE], ids=["dual", "triple"])
def test_every_weight_learns_the_router_too(changes):
    torch.manual_seed(1)
    network = toys.dq_vae(**changes).train()
    output = network(pictures(4, 128))
    assert output.routed.grains.unique().numel() == network.config.granularities
    loss = output.reconstruction.square().mean() + output.quantised.commitment
    (loss + network.budget_loss(output.routed.gate)).backward()
    assert toys.without_gradient(network) == []


def test_the_router_learns_from_the_picture_alone():
    network = toys.dq_vae().train()
    network(pictures()).reconstruction.square().mean().backward()
    assert all(p.grad.any() for p in network.encoder.router.parameters())


@torch.no_grad()
def test_coarse_regions_have_four_equal_indices_and_count_as_one():
    network = toys.dq_vae().eval()
    codes = network.codes(pictures(4))
    assert codes.grains.unique().tolist() == [0, 1]
    blocks = codes.indices.unfold(1, 2, 2).unfold(2, 2, 2).flatten(3)
    equal = (blocks == blocks[..., :1]).all(dim=3)
    assert equal[codes.grains == 0].all()
    fine = codes.grains.flatten(1).sum(dim=1)
    assert torch.equal(codes.lengths(), 16 + 3 * fine)
    again = network.codes(pictures(4))
    assert torch.equal(again.indices, codes.indices)  # no noise outside of training


@torch.no_grad()
def test_the_indices_alone_make_the_picture():
    network = toys.dq_vae().eval()
    output = network(pictures())
    codes = network.codes(pictures())
    torch.testing.assert_close(network.paint(codes), output.reconstruction, atol=1e-5, rtol=1e-4)
    wide = torch.rand(1, 3, 64, 160)
    assert network.paint(network.codes(wide)).shape == wide.shape


@torch.no_grad()
def test_position_tables_tell_places_apart():
    network = toys.dq_vae(position_side=8).eval()
    picture = network.paint(DualCodes(torch.zeros(1, 8, 8, dtype=torch.int64), torch.zeros(1, 4, 4)))
    assert float((picture[..., 40:48, 40:48] - picture[..., 72:80, 72:80]).abs().max()) > 1e-3


def test_entropy_is_that_of_the_grey_values():
    flat = torch.full((1, 3, 4, 8), -1.0)
    flat[..., 4:] = 1.0
    flat[..., :2, 4:] = -1.0  # the right patch: half black, half white
    entropy = patch_entropy(flat, 4)[0, 0].tolist()
    assert entropy == pytest.approx([0.0, 0.6931], abs=1e-3)
    noise = torch.linspace(-1, 1, 32).view(1, 1, 4, 8).expand(1, 3, 4, 8)
    assert float(patch_entropy(noise, 4).mean()) == pytest.approx(2.7726, abs=1e-2)  # log 16


def test_the_entropy_router_spends_the_share_that_its_threshold_was_computed_for():
    generator = torch.Generator().manual_seed(0)
    contrast = torch.rand(2, 1, 4, 4, generator=generator).repeat_interleave(32, 2).repeat_interleave(32, 3)
    busy = contrast * (torch.rand(2, 3, 128, 128, generator=generator) * 2 - 1)
    threshold = entropy_threshold(patch_entropy(busy, 32), fine_share=0.25)
    network = toys.dq_vae(router="entropy", entropy_threshold=threshold).train()
    output = network(busy)
    assert int(output.routed.grains.sum()) == 8  # of 32
    assert output.routed.logits is None
    output.reconstruction.square().mean().backward()
    assert toys.without_gradient(network) == []


def test_a_regular_half_is_a_chessboard_and_a_whole_is_fine():
    picture = torch.rand(1, 3, 128, 128) * 2 - 1
    for share, rows in ((0.5, [0, 1, 0, 1]), (1.0, [1, 1, 1, 1]), (0.0, [0, 0, 0, 0])):
        codes = toys.dq_vae(router="regular", target_shares=(share,)).eval().codes(picture)
        assert codes.grains[0, 1].tolist() == rows
        assert int(codes.lengths()) == 16 + 48 * share


def test_the_entropy_router_knows_two_granularities():
    with pytest.raises(ValueError, match="two granularities"):
        DqVaeConfig(router="entropy", granularities=3)


def test_configurations_survive_their_json():
    assert from_json(to_json(DQ_VAE_TRIPLE)) == DQ_VAE_TRIPLE
