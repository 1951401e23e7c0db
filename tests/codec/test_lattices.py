import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulbic.codec.index_modes import INDEX_MODES
from ulbic.codec.lattices import LATTICES


def sent_mask(name, rows, columns):
    return INDEX_MODES.named(name).training_mask(rows, columns)


@pytest.mark.parametrize(
    ("name", "sent"), [("0", 0), ("1_16", 16), ("1_8", 32), ("1_4", 64), ("1_2", 128), ("1_1", 256)]
)
def test_share_of_a_window(name, sent):
    assert sent_mask(name, 16, 16).sum() == sent


def test_quarter_lattice_is_every_second_row_and_column():
    expected = np.zeros((16, 16), bool)
    expected[::2, ::2] = True
    assert np.array_equal(sent_mask("1_4", 16, 16), expected)


def test_half_lattice_is_a_checkerboard():
    assert sent_mask("1_2", 2, 3).tolist() == [[True, False, True], [False, True, False]]


@given(st.integers(1, 40), st.integers(1, 40))
def test_each_lattice_contains_the_coarser_ones_and_order_goes_from_coarse_to_fine(height, width):
    full = INDEX_MODES.named("1_1").positions(height, width)
    assert sorted(np.concatenate(full)) == list(range(height * width))
    for lattice in LATTICES:
        passes = lattice.positions(height, width)
        assert [p.tolist() for p in passes] == [p.tolist() for p in full[: len(passes)]]
        sent = sorted(np.concatenate([*passes, np.array([], np.int64)]))
        assert np.flatnonzero(lattice.training_mask(height, width)).tolist() == sent
