"""Index modes whose encoder chooses: what they choose, what it costs, and in which order it is coded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ulbic.codec.chosen import DUAL, MASKED, Dual, Masked

WORTH = np.array(
    [
        [9.0, 1, 2, 0, 0],
        [0, 0, 3, 4, 0],
        [5, 0, 0, 0, 6],
    ]
)
SIZES = st.tuples(st.integers(1, 9), st.integers(1, 9))


def test_numbers_are_fixed():
    assert [(mode.number, mode.name) for mode in (MASKED, DUAL)] == [(6, "masked"), (7, "dual")]


def test_masked_takes_the_most_worth():
    third = Masked(number=6, name="masked", share=0.3)  # of 15: 4.5, rounded up
    chosen = third.choose((3, 5), lambda: WORTH).astype(int).tolist()
    assert chosen == [[1, 0, 0, 0, 0], [0, 0, 1, 1, 0], [1, 0, 0, 0, 1]]


def test_dual_takes_whole_blocks_for_what_the_first_index_leaves():
    sixth = Dual(number=7, name="dual", share=1 / 6)  # of 6 blocks: the one of 0 + 3 + 4, not that of 9 + 1
    chosen = sixth.choose((3, 5), lambda: WORTH).astype(int).tolist()
    assert chosen == [[1, 0, 1, 1, 1], [0, 0, 1, 1, 0], [1, 0, 1, 0, 1]]


def test_of_equal_worth_the_first_is_taken():
    assert MASKED.choose((2, 8), lambda: np.zeros((2, 8))).nonzero()[1].tolist() == [0, 1]


class Told:
    """Answers with the flags of a choice, and remembers what it was asked."""

    def __init__(self, flags):
        self.flags, self.asked = flags.ravel(), []

    def __call__(self, positions):
        self.asked.append(positions.tolist())
        return self.flags[positions]


@given(SIZES.flatmap(lambda size: arrays.arrays(float, size, elements=st.floats(-1, 1))))
@settings(deadline=None)
def test_the_passes_are_the_choice(worth):
    for mode in (MASKED, DUAL):
        sent = mode.choose(worth.shape, lambda: worth)
        passes = list(mode.passes(worth.shape, Told(mode.flags(sent))))
        assert sorted(np.concatenate(passes).tolist()) == np.flatnonzero(sent).tolist()


def test_masked_asks_for_each_place_before_its_indices():
    told = Told(np.arange(15).reshape(3, 5) % 2 == 0)
    passes = MASKED.passes((3, 5), told)
    assert next(passes).tolist() == [0, 2, 4, 10, 12, 14]
    assert told.asked == [[0, 2, 4, 10, 12, 14]]
    assert next(passes).tolist() == [6, 8]
    assert [p.tolist() for p in passes] == [[], []]
    assert told.asked[1:] == [[6, 8], [1, 3, 11, 13], [5, 7, 9]]


def test_dual_asks_for_the_blocks_after_the_quarter():
    flags = np.zeros((3, 5), bool)
    flags[0, 2] = flags[2, 4] = True
    told = Told(flags)
    passes = DUAL.passes((3, 5), told)
    assert next(passes).tolist() == [0, 2, 4, 10, 12, 14]
    assert told.asked == []
    assert [p.tolist() for p in passes] == [[8], [3], [7]]
    assert told.asked == [[0, 2, 4, 10, 12, 14]]


@pytest.mark.parametrize("mode", [MASKED, DUAL], ids=lambda m: m.name)
def test_the_smallest_map(mode):
    assert mode.choose((1, 1), lambda: np.zeros((1, 1))).tolist() == [[True]]
