"""Blocks that CompressAI has too: of the same parameters come the same values and gradients."""

from __future__ import annotations

import pytest
import torch
from compressai.entropy_models import EntropyBottleneck, GaussianConditional
from compressai.layers import GDN as TheirGDN
from compressai.ops import LowerBound

from ulbic.models.bounds import lower_bound
from ulbic.models.entropy import FactorizedPrior, gaussian_likelihood
from ulbic.models.layers import GDN

close = {"rtol": 1e-6, "atol": 1e-6}


def noise(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def gradients(output, seed, *inputs):
    return torch.autograd.grad((output * noise(*output.shape, seed=seed)).sum(), inputs)


@pytest.mark.parametrize("inverse", [False, True])
def test_gdn(inverse):
    """Theirs keeps the roots of beta and gamma: its gradients are ours, times twice the root."""
    ours, theirs = GDN(5, inverse).double(), TheirGDN(5, inverse).double()
    beta, gamma = noise(5).abs() + 0.1, noise(5, 5, seed=1).abs() + 0.01
    ours.load_state_dict({"beta": beta, "gamma": gamma})
    with torch.no_grad():
        theirs.beta.copy_(theirs.beta_reparam.init(beta))
        theirs.gamma.copy_(theirs.gamma_reparam.init(gamma))
    x = noise(2, 5, 3, 4, seed=2).requires_grad_()
    torch.testing.assert_close(ours(x), theirs(x), **close)
    our_x, our_beta, our_gamma = gradients(ours(x), 3, x, ours.beta, ours.gamma)
    their_x, their_beta, their_gamma = gradients(theirs(x), 3, x, theirs.beta, theirs.gamma)
    torch.testing.assert_close(our_x, their_x, **close)
    torch.testing.assert_close(our_beta * 2 * theirs.beta, their_beta, **close)
    torch.testing.assert_close(our_gamma * 2 * theirs.gamma, their_gamma, **close)


@pytest.mark.parametrize("inverse", [False, True])
def test_a_gdn_beyond_its_bounds(inverse):
    """Both take beta as 1e-6 and gamma as 0 there, and let the same gradients lead back."""
    ours, theirs = GDN(5, inverse).double(), TheirGDN(5, inverse).double()
    with torch.no_grad():
        for gdn in (ours, theirs):
            gdn.gamma.fill_(-0.3)
            gdn.beta.copy_(torch.tensor([-1.0, 1.0, 1.0, 1.0, 0.0]))
    x = noise(2, 5, 3, 4, seed=2)
    torch.testing.assert_close(ours(x), theirs(x), **close)
    our_signs = [g.sign() for g in gradients(ours(x), 3, ours.beta, ours.gamma)]
    assert all(
        map(torch.equal, our_signs, (g.sign() for g in gradients(theirs(x), 3, theirs.beta, theirs.gamma)))
    )
    assert {sign for signs in our_signs for sign in signs.flatten().tolist()} == {-1.0, 0.0, 1.0}


def test_factorized_prior():
    ours, theirs = FactorizedPrior(5).double(), EntropyBottleneck(5).double().eval()
    values = {
        key: 0.3 * noise(*value.shape, seed=i) for i, (key, value) in enumerate(ours.state_dict().items())
    }
    ours.load_state_dict(values)
    theirs.load_state_dict(values, strict=False)
    z = noise(2, 5, 3, 4, seed=20).mul(4).round()
    z[0, 0, 0, 0] = 90.0  # less probable than the floor
    seen, (rounded, expected) = ours.likelihood(z), theirs(z)
    assert torch.equal(rounded, z)
    torch.testing.assert_close(seen, expected, **close)
    assert float(seen[0, 0, 0, 0].detach()) == 1e-9
    names = list(values)
    pairs = ((dict(m.named_parameters()), p) for m, p in ((ours, seen), (theirs, expected)))
    mine, other = (gradients(-p.log2(), 21, *map(parameters.get, names)) for parameters, p in pairs)
    for name, a, b in zip(names, mine, other, strict=True):
        assert float(b.abs().max()) > 1e-3, name
        torch.testing.assert_close(a, b, **close)


def test_gaussian_likelihood():
    theirs = GaussianConditional(None, scale_bound=0.11).double().eval()
    residual = noise(1, 4, 5, 6).mul(3).round()
    ours_scale, their_scale = (noise(1, 4, 5, 6, seed=1).abs().requires_grad_() for _ in range(2))
    seen, (_, expected) = gaussian_likelihood(residual, ours_scale), theirs(residual, their_scale)
    torch.testing.assert_close(seen, expected, **close)
    (mine,), (other,) = gradients(seen, 2, ours_scale), gradients(expected, 2, their_scale)
    assert bool((ours_scale < 0.11).any())
    torch.testing.assert_close(mine, other, **close)


def test_lower_bound():
    x = torch.cat([noise(1000), torch.tensor([0.5, 0.5])]).requires_grad_()
    theirs = LowerBound(0.5).double()
    assert torch.equal(lower_bound(x, 0.5), theirs(x))
    (mine,), (other,) = gradients(lower_bound(x, 0.5), 1, x), gradients(theirs(x), 1, x)
    assert torch.equal(mine, other)
    below = x < 0.5
    assert bool((other[below] < 0).any())
    assert not bool((other[below] > 0).any())
