"""The map of boosts: what it costs, and that what was written is read, whole, cut or damaged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ulbic.bitstream.boosts import read_boosts, write_boosts
from ulbic.bitstream.symbols import PartialReader, SymbolReader, SymbolWriter
from ulbic.errors import DamagedError


def written(boosts):
    writer = SymbolWriter()
    write_boosts(writer, boosts)
    return writer


def box(rows, columns, boost=8):
    """On the cells of a 768 x 512 picture."""
    boosts = np.zeros((16, 24), np.int64)
    boosts[rows, columns] = boost
    return boosts


maps = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda size: arrays.arrays(np.int64, size, elements=st.sampled_from([0, 0, 0, 1, 8, 15, 16]))
)


@given(maps.filter(np.any))
@settings(deadline=None)
def test_round_trip(boosts):
    writer = written(boosts)
    reader = SymbolReader(writer.finish())
    assert np.array_equal(read_boosts(reader, boosts.shape), boosts)
    assert reader.digest.hexdigest() == writer.digest.hexdigest()


def test_literal_bytes():
    assert written(np.full((1, 1), 8)).finish().hex() == "07e4"
    assert written(box(slice(3, 9), slice(4, 10))).finish().hex() == "073761ed"


def test_a_disc_takes_a_dozen_bytes():
    rows, columns = np.mgrid[:16, :24]
    disc = 8 * ((rows - 7) ** 2 + (columns - 11) ** 2 < 30)
    assert len(written(disc).finish()) == 13


def test_a_cut_map_is_read_as_far_as_it_goes():
    boosts = np.maximum(box(slice(3, 9), slice(4, 10)), box(slice(5, 7), slice(5, 8), 12))
    data = written(boosts).finish()
    wrong = []  # cells; behind the cut, edges go on straight
    for length in range(len(data) + 1):
        reader = PartialReader(data[:length], whole=length == len(data))
        wrong.append(int((read_boosts(reader, boosts.shape) != boosts).sum()))
    assert wrong == [36, 36, 36, 48, 48, 6, 14, 0]


def test_a_boost_above_the_formats_is_damage():
    with pytest.raises(DamagedError, match="higher boost"):
        read_boosts(SymbolReader(bytes.fromhex("1fe524")), (1, 1))


@given(st.binary(max_size=12), st.booleans())
@settings(deadline=None)
def test_any_bytes_are_a_map_or_damage(data, cut):
    reader = PartialReader(data) if cut else SymbolReader(data)
    try:
        boosts = read_boosts(reader, (3, 4))
    except DamagedError:
        return
    assert 0 <= boosts.min() <= boosts.max() <= 16
