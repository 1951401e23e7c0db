import itertools

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ulbic.codec.windows import PIXEL_OVERLAP, Window, blend_shares, pixel_line, starts, tiles, windows


def test_literal_starts():
    assert starts(48, 16, 0) == [0, 16, 32]
    assert starts(40, 16, 0) == [0, 12, 24]
    assert starts(48, 32, 8) == [0, 16]
    assert starts(7, 16, 0) == [0]


@settings(deadline=None)
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


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(30, 128))
def test_tiles_share_out_the_map(height, width, side):
    covered = torch.zeros(height, width)
    for tile in itertools.chain(*tiles(height, width, side)):
        assert max(tile.height, tile.width) <= side
        tile.of(covered).add_(1)
    assert (covered == 1).all()


def test_tiles_are_of_even_size():
    assert [[tile.width for tile in row] for row in tiles(20, 129, 64)] == [[43, 43, 43]]
    assert [[tile.height for tile in row] for row in tiles(65, 20, 64)] == [[32], [33]]


def test_pixel_windows_are_as_small_as_their_number_allows():
    assert pixel_line(48) == (48, [0])
    assert pixel_line(64) == (64, [0])
    assert pixel_line(65) == (35, [0, 30])
    assert pixel_line(250) == (54, [0, 49, 98, 147, 196])


@settings(deadline=None)
@given(st.integers(1, 800))
def test_pixel_windows_cover_a_line_with_their_overlap(length):
    side, line = pixel_line(length)
    assert side <= 64
    assert (line[0], line[-1] + side) == (0, length)
    assert all(first + side - second >= PIXEL_OVERLAP for first, second in itertools.pairwise(line))


def test_a_window_grows_only_as_far_as_its_map():
    assert Window(0, 8, 16, 16).grown(8, 20, 100) == Window(0, 0, 20, 32)


def test_windows_have_cells_in_common():
    assert Window(0, 0, 8, 8).common(Window(6, 2, 8, 4)) == Window(6, 2, 2, 4)
    assert Window(0, 0, 8, 8).common(Window(0, 9, 8, 8)).width < 0


def test_the_half_map_covers_odd_windows():
    assert Window(3, 4, 5, 6).halved() == Window(1, 2, 3, 3)
    assert Window(1, 2, 3, 3).doubled() == Window(2, 4, 6, 6)


@settings(deadline=None)
@given(st.integers(1, 400))
def test_shares_are_positive_and_add_up_to_one(length):
    total = torch.zeros(16 * length)
    for start, share in blend_shares(length, torch.device("cpu")).items():
        assert share.min() > 0
        total[16 * start : 16 * start + len(share)] += share
    assert torch.allclose(total, torch.ones(16 * length))


def test_a_share_falls_over_the_overlap():
    shares = blend_shares(76, torch.device("cpu"))  # windows of 40 indices at 0 and 36, 4 in common
    assert list(shares) == [0, 36]
    assert shares[0][:576].tolist() == [1.0] * 576
    assert shares[0][576:].diff().max() < 0
