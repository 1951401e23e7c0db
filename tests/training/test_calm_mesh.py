"""The loss on calm parts; values follow from the amplitude of what is added to noise of one level."""

import pytest
import torch

from ulbic.training.losses import calm_mesh


def noise(seed, levels, side=256):
    grey = torch.randn(1, 1, side, side, generator=torch.Generator().manual_seed(seed))
    return (128 + levels * grey).expand(1, 3, side, side) / 255


def wave(period, rows, columns, side=256):
    """Amplitude of one level."""
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    return torch.cos(2 * torch.pi * (rows * y + columns * x) / period) / 255


CALM, BUSY = noise(0, 1.0), noise(0, 12.0)


def loss_and_gradient(x, target):
    x = x.clone().requires_grad_()
    loss = calm_mesh(x, target)
    loss.sum().backward()
    return loss.detach(), x.grad


def test_equal_pictures_have_none():
    assert calm_mesh(CALM, CALM).tolist() == [0]


@pytest.mark.parametrize(("rows", "columns"), [(0, 1), (1, 0), (1, 1), (1, -1)])
@pytest.mark.parametrize("period", [4, 8])
def test_a_mesh_in_a_calm_crop_costs_its_decibels_and_the_gradient_takes_it_away(period, rows, columns):
    mesh = wave(period, rows, columns)
    loss, gradient = loss_and_gradient(noise(1, 1.0) + mesh, CALM)
    # 20 dB above the noise in one of twelve bins, less one; next to nothing in the others.
    assert loss.item() == pytest.approx(19 / 12, abs=0.35)
    assert (gradient.sum(dim=1) * mesh).sum() > 0
    fainter = noise(1, 1.0) + 0.5 * mesh
    assert 0 < calm_mesh(fainter, CALM).item() < loss.item()


def test_period_two_is_seen():
    assert calm_mesh(noise(1, 1.0) + wave(2, 0, 1), CALM).item() > 1.5


def test_the_same_mesh_in_a_busy_crop_costs_nothing():
    loss, gradient = loss_and_gradient(BUSY + wave(4, 0, 1), BUSY)
    assert loss.tolist() == [0]
    assert not gradient.any()


def test_only_the_calm_part_of_a_crop_gets_a_gradient():
    half = torch.where(torch.arange(256) < 128, CALM, BUSY)
    loss, gradient = loss_and_gradient(half + wave(4, 0, 1), half)
    assert loss.item() > 0.8
    assert gradient[..., :64].any()
    assert not gradient[..., 160:].any()


def test_a_mesh_of_the_target_is_no_fault_and_every_crop_has_its_own_loss():
    mesh = wave(4, 0, 1)
    assert calm_mesh(noise(1, 1.0) + mesh, CALM + mesh).item() < 0.3
    both = calm_mesh(torch.cat([BUSY + mesh, noise(1, 1.0) + mesh]), torch.cat([BUSY, CALM]))
    alone = calm_mesh(noise(1, 1.0) + mesh, CALM)
    assert both.tolist() == pytest.approx([0, alone.item()], rel=1e-5)
