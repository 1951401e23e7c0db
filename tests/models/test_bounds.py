"""Bounds hold, and never hold a parameter for ever."""

from __future__ import annotations

import pytest
import torch

from ulbic.models.bounds import bounded, lower_bound
from ulbic.models.entropy import gaussian_likelihood
from ulbic.models.layers import GDN


@pytest.mark.parametrize(
    ("value", "slope", "passed"), [(-2.0, 1.0, 0.0), (-2.0, -1.0, -1.0), (1.0, 1.0, 1.0), (1.0, -1.0, -1.0)]
)
def test_a_gradient_that_leads_back_passes_a_lower_bound(value, slope, passed):
    x = torch.tensor(value, requires_grad=True)
    y = lower_bound(x, 0.5)
    (slope * y).backward()
    assert (float(y.detach()), float(x.grad)) == (max(value, 0.5), passed)


def test_both_ends_hold_and_lead_back():
    x = torch.tensor([-9.0, 0.0, 9.0], requires_grad=True)
    y = bounded(x, -4, 5)
    assert y.tolist() == [-4.0, 0.0, 5.0]
    (y * torch.tensor([-1.0, 1.0, 1.0])).sum().backward()  # descent raises the first, lowers the last
    assert x.grad.tolist() == [-1.0, 1.0, 1.0]


@pytest.mark.parametrize("inverse", [False, True])
def test_no_element_of_a_gdn_is_dead(inverse):
    """Off-diagonals begin at 0, and a diagonal that has sunk below it comes back."""
    gdn = GDN(6, inverse)
    with torch.no_grad():
        gdn.gamma.fill_diagonal_(-0.3)
        gdn.beta[0] = -1.0
    x = torch.randn(2, 6, 5, 5, generator=torch.Generator().manual_seed(0))
    output = gdn(x).square().mean()
    (output if not inverse else -output).backward()  # either asks for more energy
    assert bool((gdn.gamma.grad != 0).all())
    assert bool((gdn.beta.grad != 0).all())


def test_a_scale_below_its_floor_learns_to_rise():
    scale = torch.tensor([0.01], requires_grad=True)
    (-gaussian_likelihood(torch.tensor([1.0]), scale).log()).sum().backward()
    assert float(scale.grad) < 0
