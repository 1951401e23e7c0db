"""The lapped transform that analysis and synthesis start from."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ulbic.models.lapped import LappedTransform, across_borders
from ulbic.training.initialise import best_fold


@pytest.fixture(scope="module")
def complete():
    """All 768 components, so that nothing is lost."""
    transform = LappedTransform(768)
    transform.fold.copy_(best_fold())
    transform.unfold.copy_(torch.linalg.inv(transform.fold))
    return transform


@settings(max_examples=10, deadline=None)
@given(rows=st.integers(1, 4), columns=st.integers(1, 4))
def test_the_inverse_restores_every_size(complete, rows, columns):
    x = torch.rand(2, 3, 16 * rows, 16 * columns, generator=torch.Generator().manual_seed(rows))
    torch.testing.assert_close(complete.inverse(complete(x)), x, atol=1e-5, rtol=0)


def test_an_even_colour_passes_the_filter_unchanged(complete):
    x = torch.full((1, 3, 48, 32), 0.3)
    torch.testing.assert_close(complete.prefilter(x), x)


def test_a_ramp_becomes_steps(complete):
    """Between blocks the filter gathers what changes into the borders: each block becomes flatter inside."""
    ramp = torch.arange(64.0).expand(1, 3, 16, 64) / 64
    block = complete.prefilter(ramp)[0, 0, 0, 16:32]
    assert float(block.max() - block.min()) < 0.6 * 15 / 64


def test_samples_beyond_half_a_block_from_every_border_stay(complete):
    x = torch.rand(1, 1, 16, 32)
    filtered = across_borders(x, complete.fold)
    assert torch.equal(filtered[..., :8], x[..., :8])
    assert torch.equal(filtered[..., -8:], x[..., -8:])
    assert not torch.equal(filtered[..., 8:24], x[..., 8:24])


def test_the_fitted_filter_has_the_coding_gain_of_the_biorthogonal_lapped_transform():
    """9.95 dB over 16-sample blocks of an AR(1) line of correlation 0.95; without the filter 9.48 dB."""
    fold = best_fold().double()
    positions = torch.arange(48, dtype=torch.float64)
    covariance = 0.95 ** (positions[:, None] - positions).abs()
    filtered = across_borders(covariance, fold)
    logarithms = torch.linalg.eigvalsh(filtered[16:32, 16:32]).log10().mean()
    noise = (8 + torch.linalg.inv(fold).square().sum()) / 16
    assert float(-10 * (logarithms + noise.log10())) == pytest.approx(9.946, abs=0.01)
