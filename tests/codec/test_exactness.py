import pytest
import torch

from ulbic.codec.exactness import GUARD, ExactRounding, NearBoundaryError


def test_literal_grid_positions():
    values = torch.tensor([-0.6, -0.4, 0.0, 0.49, 0.51, 3.2], dtype=torch.float64)
    assert ExactRounding(0)(values).tolist() == [-1, 0, 0, 0, 1, 3]
    assert ExactRounding(8)(values).tolist() == [0, 0, 0, 1, 1, 3]  # boundaries a quarter step lower


def test_values_within_the_guard_are_refused_and_another_offset_takes_them():
    values = torch.tensor([0.5 + GUARD / 2], dtype=torch.float64)
    with pytest.raises(NearBoundaryError):
        ExactRounding(0, GUARD)(values)
    assert ExactRounding(1, GUARD)(values).tolist() == [1]


def test_disagreement_within_the_guard_never_changes_a_symbol():
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(100_000, dtype=torch.float64, generator=generator) * 20
    noise = (torch.rand(100_000, dtype=torch.float64, generator=generator) - 0.5) * GUARD
    for offset in range(16):
        try:
            rounded = ExactRounding(offset, GUARD)(values)
        except NearBoundaryError:
            continue
        assert torch.equal(rounded, ExactRounding(offset)(values + noise))


def test_clamped_scales_and_zero_means_are_never_near_a_boundary():
    scales = torch.tensor([1e-5, 0.11, 64.0, 1e5], dtype=torch.float64)
    for offset in range(16):
        rounding = ExactRounding(offset, GUARD)
        assert rounding.scale_indices(scales).tolist() == [0, 0, 63, 63]
        assert rounding.means(torch.zeros(1, dtype=torch.float64)).tolist() == [0.0]
