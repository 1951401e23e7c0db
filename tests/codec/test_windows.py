import torch
from hypothesis import given
from hypothesis import strategies as st

from ulbic.codec.windows import TILE, Window, blend_shares, groups, starts, windows


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


@given(st.integers(1, 600), st.integers(1, 600), st.sampled_from([(16, 0), (32, 8), (TILE, 0)]))
def test_groups_are_the_same_windows_in_boxes_of_a_tile(height, width, shape):
    plan = list(groups(height, width, *shape))
    assert sorted(w for group in plan for w in group.windows) == sorted(windows(height, width, *shape))
    for box, members in plan:
        assert max(box.height, box.width) <= TILE
        assert (box.top, box.left) == (members[0].top, members[0].left)

        assert box.top + box.height == max(w.top + w.height for w in members) <= height
        assert box.left + box.width == max(w.left + w.width for w in members) <= width


def test_a_map_of_one_tile_is_one_group():
    assert [len(group.windows) for group in groups(TILE, TILE, 32, 8)] == [25]
    assert [len(group.windows) for group in groups(TILE, TILE, 16, 0)] == [64]
    assert len(list(groups(TILE + 1, TILE, 16, 0))) == 2


def test_a_window_grows_only_as_far_as_its_map():
    assert Window(0, 8, 16, 16).grown(8, 20, 100) == Window(0, 0, 20, 32)


def test_the_half_map_covers_odd_windows():
    assert Window(3, 4, 5, 6).halved() == Window(1, 2, 3, 3)
    assert Window(1, 2, 3, 3).doubled() == Window(2, 4, 6, 6)


@given(st.integers(1, 400))
def test_shares_are_positive_and_add_up_to_one(length):
    total = torch.zeros(16 * length)
    for start, share in blend_shares(length, torch.device("cpu")).items():
        assert share.min() > 0
        total[16 * start : 16 * start + len(share)] += share
    assert torch.allclose(total, torch.ones(16 * length))


def test_a_share_falls_over_the_overlap():
    shares = blend_shares(48, torch.device("cpu"))  # windows at 0 and 16, 16 indices in common
    assert list(shares) == [0, 16]
    assert shares[0][:256].tolist() == [1.0] * 256
    assert shares[0][256:].diff().max() <= 0
