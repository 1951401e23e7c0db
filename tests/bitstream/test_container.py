import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ulbic.bitstream.container import SCHEDULES, Header, read_container, write_container
from ulbic.bitstream.describe import info

from ulbic.errors import DamagedError, InputError, LimitError, NotUlbError, UlbicError, VersionError

HEADER = Header(width=768, height=512, model_id=1, weights_tag=0xABC, gain=4, schedule="1_4")
GOLDEN = bytes.fromhex("d955101abc34ff05ff030102284a")


def test_literal_bytes():
    assert write_container(HEADER, b"\x01\x02").hex() == GOLDEN.hex()
    assert read_container(GOLDEN) == (HEADER, b"\x01\x02")


def test_side_information_of_a_kodak_picture_is_twelve_bytes():
    assert len(write_container(HEADER, b"")) == 12
    assert info(GOLDEN).side_bytes == 12


headers = st.builds(
    Header,
    width=st.integers(1, 10_000),
    height=st.integers(1, 10_000),
    model_id=st.integers(0, 15),
    weights_tag=st.integers(0, 0xFFF),
    gain=st.integers(0, 15),
    schedule=st.sampled_from(SCHEDULES),
    rounding=st.integers(0, 15),
)


@given(headers, st.binary(max_size=40))
def test_round_trip(header, payload):
    assert read_container(write_container(header, payload)) == (header, payload)


@given(st.binary(max_size=60))
def test_any_bytes_give_a_documented_error(data):
    with pytest.raises(UlbicError):
        read_container(b"\xd9U" + data[:5] + data)


@given(st.integers(0, len(GOLDEN) * 8 - 1))
def test_every_flipped_bit_is_noticed(bit):
    damaged = bytearray(GOLDEN)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(UlbicError):
        read_container(bytes(damaged))


@pytest.mark.parametrize("length", range(len(GOLDEN)))
def test_every_truncation_is_noticed(length):
    with pytest.raises((DamagedError, NotUlbError)):
        read_container(GOLDEN[:length])


def test_a_later_version_has_its_own_error():
    with pytest.raises(VersionError, match="version 2"):
        read_container(GOLDEN[:2] + b"\x20" + GOLDEN[3:])


def test_a_picture_beyond_the_limit_is_refused_both_ways():
    with pytest.raises(LimitError):
        write_container(dataclasses.replace(HEADER, width=20_000, height=20_000), b"")
    with pytest.raises(LimitError):
        read_container(GOLDEN, max_pixels=768 * 512 - 1)


def test_info_accounts_for_every_byte():
    account = info(GOLDEN)
    assert (account.width, account.height, account.schedule, account.weights_tag) == (768, 512, "1_4", "abc")
    assert account.bpp == 8 * 14 / (768 * 512)
    assert account.payload_bytes == 2


def test_info_of_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        info(tmp_path / "none.ulb")
