import dataclasses
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulbic.bitstream import varint
from ulbic.bitstream.container import Chunk, Header, read_container, write_container
from ulbic.errors import DamagedError, LimitError, NotUlbError, UlbicError, VersionError

HEADER = Header(width=768, height=512, model_number=1, weights_tag=0xABC, gain=4, index_mode=3)
GOLDEN = bytes.fromhex("d955101abc34ff05ff030102284a")


def test_literal_bytes():
    assert write_container(HEADER, b"\x01\x02").hex() == GOLDEN.hex()
    assert read_container(GOLDEN) == (HEADER, b"\x01\x02", True, True)


def test_the_worked_example_of_the_specification():
    specification = Path(__file__).parents[2] / "docs" / "format.md"
    example = re.search(r"^    (d955 .*)$", specification.read_text(), re.MULTILINE)
    assert bytes.fromhex(example[1]) == GOLDEN


def test_side_information_of_a_kodak_picture_is_twelve_bytes():
    assert len(write_container(HEADER, b"")) == 12


@pytest.mark.parametrize(
    ("gain", "settings"),
    [(0, "30"), (7, "37"), (4.0625, "7461"), (-4, "7060"), (-1.5, "7168"), (11.9375, "777f")],
)
def test_literal_settings(gain, settings):
    """A gain between two gain vectors, or below them, takes a second byte."""
    data = write_container(dataclasses.replace(HEADER, gain=gain), b"")
    assert data[5 : 5 + len(settings) // 2].hex() == settings
    assert read_container(data).header.gain == gain


@pytest.mark.parametrize("settings", ["7260", "7470", "7560"])
def test_a_whole_gain_in_two_bytes_is_refused(settings):
    body = GOLDEN[:5] + bytes.fromhex(settings) + GOLDEN[6:-2]
    with pytest.raises(DamagedError, match="shortest form"):
        read_container(body + b"\0\0", allow_partial=True)


@pytest.mark.parametrize(
    ("mode", "gain", "settings"), [(6, 4, "600680"), (255, -4, "60ff00"), (200, 11.9375, "60c8ff")]
)
def test_literal_settings_of_other_index_modes(mode, gain, settings):
    header = dataclasses.replace(HEADER, index_mode=mode, gain=gain)
    data = write_container(header, b"")
    assert data[5:8].hex() == settings
    assert read_container(data).header == header


@pytest.mark.parametrize("settings", ["600580", "600080"])
def test_a_common_index_mode_in_three_bytes_is_refused(settings):
    body = GOLDEN[:5] + bytes.fromhex(settings) + GOLDEN[6:-2]
    with pytest.raises(DamagedError, match="shortest form"):
        read_container(body + b"\0\0", allow_partial=True)


@pytest.mark.parametrize("settings", ["74c1", "74e1", "610680", "670680"])
def test_settings_of_an_undefined_form_are_of_the_future(settings):
    body = GOLDEN[:5] + bytes.fromhex(settings) + GOLDEN[6:-2]
    with pytest.raises(VersionError, match="does not know"):
        read_container(body + b"\0\0", allow_partial=True)


headers = st.builds(
    Header,
    width=st.integers(1, 10_000),
    height=st.integers(1, 10_000),
    model_number=st.integers(0, 15),
    weights_tag=st.integers(0, 0xFFF),
    gain=st.integers(-64, 191).map(lambda steps: steps / 16),
    raw_indices=st.booleans(),
    index_mode=st.integers(0, 255),
    rounding=st.integers(0, 15),
    grey=st.booleans(),
    boosted=st.booleans(),
    chunks=st.lists(
        st.builds(Chunk, st.integers(0, 127), st.just(False), st.binary(max_size=200)), max_size=4
    ).map(tuple),
)


@given(headers, st.binary(max_size=40))
def test_round_trip(header, payload):
    assert read_container(write_container(header, payload)) == (header, payload, True, True)


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
        write_container(dataclasses.replace(HEADER, width=(1 << 20) + 1), b"")
    with pytest.raises(LimitError):
        read_container(GOLDEN, max_pixels=768 * 512 - 1)


def test_chunks_cost_nothing_when_absent_and_little_when_present():
    with_comment = dataclasses.replace(HEADER, chunks=(Chunk(5, False, b"hello"),))
    assert len(write_container(with_comment, b"")) == 12 + 1 + 1 + 1 + 1 + 5


def test_grey_costs_one_byte():
    data = write_container(dataclasses.replace(HEADER, grey=True), b"")
    assert data[:11].hex() == "d955101abcb4ff05ff0320"
    assert len(data) == 12 + 1


def test_regions_cost_one_byte_beside_their_map():
    data = write_container(dataclasses.replace(HEADER, boosted=True), b"")
    assert data[:11].hex() == "d955101abcb4ff05ff0380"
    assert read_container(data).header.boosted


def test_an_unknown_critical_chunk_is_refused():
    header = dataclasses.replace(HEADER, chunks=(Chunk(9, True, b""),))
    with pytest.raises(VersionError, match="chunk 9"):
        read_container(write_container(header, b""))


CHUNKS = (Chunk(1, False, b"\x80"), Chunk(5, False, b"hi"))


def test_chunks_stand_behind_the_payload():
    header = dataclasses.replace(HEADER, grey=True, chunks=CHUNKS)
    data = write_container(header, b"\x01\x02")
    assert data[10:-2].hex() == "6202010201018005026869"
    assert read_container(data) == (header, b"\x01\x02", True, True)


def test_chunks_of_the_older_form_stand_in_front():
    container = read_container(with_chunk_bytes(bytes.fromhex("22010180050268690102")))
    assert container == (dataclasses.replace(HEADER, grey=True, chunks=CHUNKS), b"\x01\x02", True, True)


@pytest.mark.parametrize(
    ("cut", "payload", "chunks", "whole", "lost"),
    [
        (0, b"\x01\x02", 2, True, False),  # a byte of the checksum was altered
        (2, b"\x01\x02", 2, True, False),
        (3, b"\x01\x02", 1, True, True),
        (6, b"\x01\x02", 1, True, True),
        (7, b"\x01\x02", 0, True, True),
        (9, b"\x01\x02", 0, True, True),
        (10, b"\x01", 0, False, True),
        (11, b"", 0, False, True),
        (12, b"", 0, False, True),
    ],
)
def test_a_cut_takes_the_last_chunks_first(cut, payload, chunks, whole, lost):
    data = write_container(dataclasses.replace(HEADER, grey=True, chunks=CHUNKS), b"\x01\x02")
    damaged = data[: len(data) - cut] if cut else data[:-1] + b"x"
    header = dataclasses.replace(HEADER, grey=True, chunks=CHUNKS[:chunks], lost_extras=lost)
    assert read_container(damaged, allow_partial=True) == (header, payload, False, whole)


def with_chunk_bytes(raw):
    """A file with a right checksum whose chunk section is `raw`."""
    import binascii

    body = GOLDEN[:5] + bytes([GOLDEN[5] | 0x80]) + GOLDEN[6:10] + raw
    return body + binascii.crc_hqx(body, 0xFFFF).to_bytes(2, "big")


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"\x00", LimitError),  # a chunk section without chunks
        (b"\x11", LimitError),  # too many
        (b"\x81", DamagedError),
        (b"\x40", LimitError),  # no chunks behind the payload
        (b"\x60", LimitError),
        (b"\x41", DamagedError),
        (b"\x41\x00", DamagedError),
        (b"\x41\x02\x05\x00", DamagedError),  # the payload is longer than the file
        (b"\x41\x00\x05\x00x", DamagedError),  # something behind the last chunk
        (b"", DamagedError),
        (b"\x01", DamagedError),
        (b"\x01\x05", DamagedError),
        (b"\x01\x05\x09abc", DamagedError),  # longer than the file
        (b"\x01\x05" + varint.pack(1 << 30), LimitError),
    ],
)
def test_malformed_chunks_are_refused(raw, error):
    with pytest.raises(error):
        read_container(with_chunk_bytes(raw))


def test_a_partial_file_keeps_its_header_and_what_is_left_of_the_payload():
    cut = GOLDEN[:-3]
    assert read_container(cut, allow_partial=True) == (HEADER, b"\x01", False, False)


@pytest.mark.parametrize("length", range(10))
def test_a_file_cut_within_its_header_is_refused_even_so(length):
    with pytest.raises(UlbicError):
        read_container(GOLDEN[:length], allow_partial=True)


def test_a_bomb_is_refused_by_its_header_alone():
    claimed = GOLDEN[:6] + varint.pack(59_999) * 2 + bytes(18)
    assert len(claimed) == 30
    with pytest.raises(LimitError, match="60000 x 60000"):
        read_container(claimed, allow_partial=True)
