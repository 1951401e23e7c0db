"""The rules that the ablation of sent indices compares, on a map of 8x8 indices."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ulbic.benchmarks.experiments.index_ways import WAYS, Coded, best, choices, passes, table

CELLS = np.arange(16.0).reshape(4, 4).repeat(2, axis=0).repeat(2, axis=1)  # bits, rising in raster order
WORTH = -np.arange(64.0).reshape(8, 8)  # falling


def coded():
    return Coded(
        bits=100.0,
        context=None,
        indices=np.zeros((8, 8), np.int64),
        cell_bits=CELLS,
        worth=lambda: WORTH,
    )


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("none", 0),
        ("lattice `1_4`, raw", 16),
        ("lattice `1_4`, modelled", 16),
        ("all, modelled", 64),
        ("a quarter, ranked by both sides", 16),
        ("levels of that order: 0, 1 or 4 a cell", 16),
        ("that order, and a sixteenth named by the encoder", 16),
        ("an eighth, named by the encoder", 8),
        ("a sixteenth, named by the encoder", 4),
    ],
)
def test_how_many_a_way_sends(name, sent):
    assert WAYS[name](coded()).received.sum() == sent


def test_what_both_sides_know_chooses_whole_cells():
    received = WAYS["a quarter, ranked by both sides"](coded()).received
    assert np.array_equal(received, CELLS >= 12)


def test_levels_are_four_indices_one_and_none_a_cell():
    received = WAYS["levels of that order: 0, 1 or 4 a cell"](coded()).received
    of_cells = received.reshape(4, 2, 4, 2).sum(axis=(1, 3)).ravel()
    assert of_cells.tolist() == [0] * 6 + [1] * 8 + [4] * 2


def test_what_is_named_is_paid_for():
    choice = WAYS["that order, and a sixteenth named by the encoder"](coded())
    assert choice.received[0, :4].all()  # of the highest worth, and not among the cells agreed upon
    assert choice.bits == pytest.approx(math.log2(math.comb(52, 4)))
    assert WAYS["a quarter, ranked by both sides"](coded()).bits == 0


def test_the_number_of_choices():
    assert choices(64, 4) == pytest.approx(math.log2(635_376))


def test_of_equal_values_the_first_are_best():
    assert best(np.zeros((2, 3)), 2).tolist() == [[True, True, False], [False, False, False]]


def test_every_sent_index_comes_in_one_pass():
    received = WAYS["an eighth, named by the encoder"](coded()).received
    at = np.concatenate(list(passes(received)))
    assert sorted(at.tolist()) == np.flatnonzero(received).tolist()


def test_rows_at_a_rate_are_interpolated_over_log_bits():
    def curve(low, high, first, last):
        return {1.0: np.array([low, 0, 0, first, 0, 0, 0]), 2.0: np.array([high, 0, 0, last, 0, 0, 0])}

    rows = {"a": curve(0.01, 0.04, 20.0, 30.0), "b": curve(0.02, 0.04, 22.0, 26.0), "c": curve(0.03, 1, 2, 3)}
    measured, _, compared = table(rows, 0.02).partition("At 0.02 bpp")
    assert "| c | 1 | 0.0300 |" in measured
    assert "| a | 25.00 |" in compared
    assert "| b | 22.00 |" in compared
    assert "| c |" not in compared
