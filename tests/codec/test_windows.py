import torch
from hypothesis import given
from hypothesis import strategies as st

from ulbic.codec.windows import Window, blend_weight, starts, windows


def test_literal_starts():
    assert starts(48, 16, 0) == [0, 16, 32]
    assert starts(40, 16, 0) == [0, 12, 24]
    assert starts(48, 32, 8) == [0, 16]
    assert starts(7, 16, 0) == [0]


@given(st.integers(1, 200), st.integers(1, 200), st.sampled_from([(16, 0), (32, 8)]))
def test_windows_cover_the_map_with_their_overlap(height, width, shape):
    side, overlap = shape
    covered = torch.zeros(height, width)
    for window in windows(height, width, side, overlap):
        part = window.of(covered)
        assert part.shape == (window.height, window.width)
        part += 1
    assert covered.min() >= 1
    for first, second in zip(starts(height, side, overlap), starts(height, side, overlap)[1:], strict=False):
        assert overlap <= first + side - second


def test_blend_weight_is_positive_and_full_inside():
    weight = blend_weight(Window(0, 0, 32, 32))
    assert weight.shape == (512, 512)
    assert weight.min() > 0
    assert weight[256, 256] == 1
