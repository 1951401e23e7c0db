import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ulbic.bitstream.symbols import PartialReader, SymbolReader, SymbolWriter
from ulbic.bitstream.tables import TOTAL, FrequencyTables, integer_frequencies, softmax_frequencies
from ulbic.errors import DamagedError

TABLES = FrequencyTables(
    (-1, -2),
    (
        np.array([100, TOTAL - 200, 100], np.int32),
        np.array([4096, 8192, TOTAL - 24576, 8192, 4096], np.int32),
    ),
)


def coded(symbols, indices, uniform=()):
    writer = SymbolWriter()
    writer.write(np.array(symbols), np.array(indices), TABLES)
    writer.write_uniform(np.array(uniform, np.int64), 1024)
    return writer.finish()


def test_literal_bytes():
    """The format's promise: these symbols are these bytes, for ever."""
    assert coded([0, -1, 2, 0, 1], [0, 0, 1, 1, 0], [5, 1023]).hex() == "00c7afe79a94"


@given(
    st.lists(st.tuples(st.integers(-1, 1), st.integers(0, 1)), max_size=60),
    st.lists(st.integers(0, 1023), max_size=9),
)
def test_round_trip(pairs, uniform):
    symbols = np.array([s for s, _ in pairs], np.int64)
    indices = np.array([i for _, i in pairs], np.int64)
    reader = SymbolReader(coded(symbols, indices, uniform))
    assert np.array_equal(reader.read(indices, TABLES), symbols)
    assert reader.read_uniform(len(uniform), 1024).tolist() == uniform


def test_a_file_of_nothing_but_likely_symbols_is_nearly_empty():
    assert len(coded([0] * 500, [0] * 500)) <= 1


@given(st.lists(st.integers(0, 1023), min_size=1, max_size=40))
def test_coding_costs_at_most_one_byte_more_than_the_ideal(uniform):
    assert len(coded([], [], uniform)) <= -(-10 * len(uniform) // 8) + 1


@given(st.binary(max_size=30))
def test_reading_garbage_gives_symbols_within_their_tables_or_a_documented_error(data):
    try:
        read = SymbolReader(data).read(np.ones(50, np.int64), TABLES)
    except DamagedError:
        return
    assert read.min() >= -2
    assert read.max() <= 2


def test_clamp_keeps_symbols_within_their_tables():
    clamped = TABLES.clamp(np.array([-9, 9, 9, 0]), np.array([0, 0, 1, 1]))
    assert clamped.tolist() == [-1, 1, 2, 0]


def test_cost_is_the_ideal_number_of_bits():
    assert TABLES.cost(np.array([-2, 1]), np.array([1, 1])) == 4 + 3


def test_tables_survive_their_flat_form():
    back = FrequencyTables.from_arrays(**TABLES.to_arrays())
    assert back.lowest == TABLES.lowest
    assert all(np.array_equal(a, b) for a, b in zip(back.frequencies, TABLES.frequencies, strict=True))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=300).filter(lambda p: sum(p) > 0))
def test_integer_frequencies_are_positive_and_complete(probabilities):
    frequencies = integer_frequencies(np.array(probabilities))
    assert frequencies.min() >= 1
    assert frequencies.sum() == TOTAL


@given(
    st.lists(st.tuples(st.integers(-1, 1), st.integers(0, 1)), max_size=40),
    st.lists(st.integers(0, 1023), max_size=9),
    st.integers(0, 40),
)
def test_a_cut_string_gives_a_prefix_of_the_symbols_and_then_the_likeliest(pairs, uniform, length):
    symbols = np.array([s for s, _ in pairs], np.int64)
    indices = np.array([i for _, i in pairs], np.int64)
    reader = PartialReader(coded(symbols, indices, uniform)[:length])
    read = reader.read(indices, TABLES)
    sent = reader.read_uniform(len(uniform), 1024)
    order = np.argsort(indices, kind="stable")
    certain = min(reader.certain, len(symbols))
    assert np.array_equal(read[order[:certain]], symbols[order[:certain]])
    assert (read[order[certain:]] == 0).all()
    assert sent.tolist() == uniform[: len(sent)]
    assert reader.certain + reader.missing == len(symbols) + len(uniform)


def test_a_cut_string_loses_no_more_than_its_missing_bits():
    uniform = list(range(0, 1000, 10))
    whole = coded([], [], uniform)
    for length in range(0, len(whole), 7):
        reader = PartialReader(whole[:length])
        assert len(reader.read_uniform(len(uniform), 1024)) >= (8 * length) // 10 - 2


def test_writer_and_reader_agree_on_the_digest():
    writer = SymbolWriter()
    writer.write(np.array([0, 1]), np.array([1, 0]), TABLES)
    writer.write_uniform(np.array([7]), 1024)
    reader = SymbolReader(writer.finish())
    reader.read(np.array([1, 0]), TABLES)
    reader.read_uniform(1, 1024)
    assert reader.digest.hexdigest() == writer.digest.hexdigest()
    assert writer.digest.hexdigest().startswith("e28abb030eaaab1a")


def test_literal_frequencies_of_logits():
    """Part of the format: steps of 1/4096 nat, rounded down to sixteenths; the likeliest takes the rest."""
    logits = np.array([[0, 0, 0, 0], [4096, 0, -255, -256], [0, -70000, 70000, 0]])
    assert softmax_frequencies(logits).tolist() == [
        [16384, 16384, 16384, 16384],
        [31488, 11583, 11583, 10882],
        [1, 1, 65533, 1],
    ]


@given(st.lists(st.lists(st.integers(-(1 << 40), 1 << 40), min_size=3, max_size=3), min_size=1, max_size=5))
def test_frequencies_of_logits_are_positive_and_complete(logits):
    frequencies = softmax_frequencies(np.array(logits))
    assert frequencies.min() >= 1
    assert frequencies.sum(axis=1).tolist() == [TOTAL] * len(logits)


ROWS = np.array([[1, TOTAL - 2, 1], [TOTAL // 2, TOTAL // 4, TOTAL // 4]])


def test_literal_bytes_of_symbols_each_under_its_own_table():
    writer = SymbolWriter()
    writer.write_each(np.array([1, 2]), ROWS)
    writer.write_each(np.array([0, 0]), ROWS)
    data = writer.finish()
    assert data.hex() == "bfff7f"
    assert writer.ideal_bits > 2 + 16 + 1
    reader = SymbolReader(data)
    assert [reader.read_each(ROWS).tolist() for _ in range(2)] == [[1, 2], [0, 0]]
    assert reader.digest.hexdigest() == writer.digest.hexdigest()


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1)), max_size=40), st.integers(0, 20))
def test_behind_a_cut_no_symbol_under_its_own_table_is_wrong(pairs, length):
    symbols = np.array([s for s, _ in pairs], np.int64)
    rows = ROWS[[row for _, row in pairs]].reshape(-1, 3)
    writer = SymbolWriter()
    writer.write_each(symbols, rows)
    data = writer.finish()
    reader = PartialReader(data[:length])
    known = reader.read_each(rows)
    assert known.tolist() == symbols[: len(known)].tolist()
    assert (reader.certain, reader.missing) == (len(known), len(symbols) - len(known))
    assert len(PartialReader(data, whole=True).read_each(rows)) == len(symbols)
