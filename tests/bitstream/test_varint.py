import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulbic.bitstream import varint
from ulbic.errors import DamagedError


@pytest.mark.parametrize(
    ("value", "data"),
    [(0, "00"), (127, "7f"), (128, "8001"), (767, "ff05"), ((1 << 35) - 1, "ffffffff7f")],
)
def test_literal_forms(value, data):
    assert varint.pack(value).hex() == data
    assert varint.unpack(bytes.fromhex(data), 0) == (value, len(data) // 2)


@given(st.integers(0, (1 << 35) - 1), st.binary(max_size=3), st.binary(max_size=3))
def test_round_trip_inside_other_bytes(value, before, after):
    packed = varint.pack(value)
    assert varint.unpack(before + packed + after, len(before)) == (value, len(before) + len(packed))


@pytest.mark.parametrize("data", ["", "80", "8000", "ff00", "ffffffffff01"])
def test_malformed_forms_are_refused(data):
    with pytest.raises(DamagedError):
        varint.unpack(bytes.fromhex(data), 0)


@pytest.mark.parametrize("value", [-1, 1 << 35])
def test_values_out_of_range_are_refused(value):
    with pytest.raises(ValueError, match="varint"):
        varint.pack(value)
