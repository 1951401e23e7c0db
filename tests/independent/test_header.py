"""Headers as docs/format.md describes them, sound and hostile. The reader is written from it alone."""

import dataclasses
import zlib
from fractions import Fraction

import pytest
from independent.cases import NAMES, PAYLOAD, PIXEL, START, TAG, facts_of, golden, sealed, weights
from independent.header import (
    Chunk,
    Damaged,
    Future,
    NotUlb,
    OtherWeights,
    TooLarge,
    checksum,
    read_header,
)
from independent.reader import check_weights, read

MODES = ["0", "1_16", "1_8", "1_4", "1_2", "1_1", "masked", "dual"]
PNG = "89504e470d0a1a0a0000000d49484452"


@pytest.mark.parametrize("name", NAMES)
def test_header_of_a_golden_file(name):
    data, facts = golden(name), facts_of(name)
    header = read_header(data)
    check_weights(header, weights())
    assert header.version == facts["version"] == 1
    assert (header.width, header.height) == (facts["width"], facts["height"])
    assert (header.model, header.tag) == (facts["model_number"], facts["weights_tag"])
    assert header.gain == facts["gain"]
    assert MODES[header.mode] == facts["index_mode"]
    assert (header.raw, header.rounding) == (facts["raw_indices"], facts["rounding"])
    alpha = [facts["chunks"][name] for name in facts["chunks"]]
    assert (header.grey, [len(chunk.data) for chunk in header.chunks]) == (facts["grey"], alpha)
    assert header.boosted == (name == "96x80-regions")
    assert (len(data), len(header.payload)) == (facts["file_bytes"], facts["payload_bytes"])


def test_the_worked_header():
    header = read_header(bytes.fromhex("d955101abc34ff05ff030102284a"))
    assert (header.version, header.rounding, header.model, header.tag) == (1, 0, 1, "abc")
    assert (header.mode, header.raw, header.gain, header.grey, header.chunks) == (3, False, 4, False, ())
    assert (header.width, header.height, header.payload) == (768, 512, b"\x01\x02")


def test_the_checksum():
    assert checksum(b"123456789") == 0x29B1


@pytest.mark.parametrize(
    ("settings", "mode", "raw", "gain"),
    [
        ("7468", 3, False, Fraction(9, 2)),
        ("7820", 1, True, Fraction(-4)),
        ("77bf", 5, False, Fraction(191, 16)),
        ("600680", 6, False, Fraction(4)),
        ("68ff89", 255, True, Fraction(73, 16)),
    ],
)
def test_long_settings(settings, mode, raw, gain):
    header = read_header(sealed(START, settings, "0000", PAYLOAD))
    assert (header.mode, header.raw, header.gain) == (mode, raw, gain)


def test_extras():
    exif = zlib.compress(b"II*\0", wbits=-15).hex()
    chunks = f"01018003{len(exif) // 2:02x}{exif}4202abcd"
    header = read_header(sealed(START, "800000", "23", chunks, PAYLOAD))
    assert header.grey
    assert header.chunks == (Chunk(1, b"\x80"), Chunk(3, b"II*\0"), Chunk(0x42, b"\xab\xcd"))
    assert header.payload.hex() == PAYLOAD


BEHIND = [START, "800000", "62", f"{len(PAYLOAD) // 2:02x}", PAYLOAD, "010180", "4202abcd"]


def test_extras_behind_the_payload():
    header = read_header(sealed(*BEHIND))
    assert (header.grey, header.chunks) == (True, (Chunk(1, b"\x80"), Chunk(0x42, b"\xab\xcd")))
    assert (header.payload.hex(), header.whole) == (PAYLOAD, True)


@pytest.mark.parametrize(
    ("length", "payload", "kinds", "whole"),
    [
        (28, PAYLOAD, [1, 0x42], True),
        (27, PAYLOAD, [1, 0x42], True),
        (26, PAYLOAD, [1], True),
        (23, PAYLOAD, [1], True),
        (22, PAYLOAD, [], True),
        (20, PAYLOAD, [], True),
        (19, PAYLOAD[:-2], [], False),
        (10, "", [], False),
    ],
)
def test_a_cut_file_loses_its_last_extras_first(length, payload, kinds, whole):
    header = read_header(sealed(*BEHIND)[:length], cut=True)
    assert (header.payload.hex(), header.whole) == (payload, whole)
    assert [chunk.kind for chunk in header.chunks] == kinds


def test_the_smallest_file():
    assert read_header(sealed(START, "000000")).payload == b""


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", NotUlb),
        (b"\xd9", NotUlb),
        (b"\x89PNG\r\n\x1a\n", NotUlb),
        (PIXEL[:9], Damaged),
        (bytes.fromhex(f"d955201{TAG}000000") + PIXEL[8:], Future),
        (bytes.fromhex(f"d955001{TAG}000000") + PIXEL[8:], Future),
        (PIXEL[:-1] + b"\x43", Damaged),
        (PIXEL[:9] + b"\x43" + PIXEL[10:], Damaged),
        (sealed(START, "74c8", "0000", PAYLOAD), Future),  # form 7, mode 6
        (sealed(START, "7460", "0000", PAYLOAD), Damaged),  # form 7, gain 4
        (sealed(START, "610680", "0000", PAYLOAD), Future),  # form 6, a bit that is not defined
        (sealed(START, "600580", "0000", PAYLOAD), Damaged),  # form 6, mode 5
        (sealed(START, "00", "8000", "00", PAYLOAD), Damaged),  # a varint that is not the shortest
        (sealed(START, "00", "808080808001", "00", PAYLOAD), Damaged),  # a varint of 6 bytes
        (sealed(START, "00", "ffffffff"), Damaged),  # a varint without an end
        (sealed(START, "00", "808040", "00", PAYLOAD), TooLarge),  # 2^20 + 1 pixels wide
        (sealed(START, "00", "ffff3f", "ff01", PAYLOAD), TooLarge),  # 2^20 x 256 pixels
        (sealed(START, "80", "0000"), Damaged),  # no extras
        (sealed(START, "80", "0000", "81"), Damaged),  # boosts, but no chunk
        (sealed(START, "80", "0000", "4000"), TooLarge),  # no chunks behind the payload
        (sealed(START, "80", "0000", "41", "01"), Damaged),  # too short a payload
        (sealed(START, "80", "0000", "41", "00"), Damaged),  # no chunk
        (sealed(START, "80", "0000", "41", "00", "420042"), Damaged),  # something behind the last chunk
        (sealed(START, "80", "0000", "00"), TooLarge),
        (sealed(START, "80", "0000", "11"), TooLarge),
        (sealed(START, "80", "0000", "01", "428000"), Damaged),  # a length that is not the shortest
        (sealed(START, "80", "0000", "01", "4281808008"), TooLarge),  # 2^24 + 1 bytes
        (sealed(START, "80", "0000", "01", "4203abcd"), Damaged),  # too few bytes
        (sealed(START, "80", "0000", "01", "c200"), Future),  # critical
        (sealed(START, "80", "0000", "02", "01018001018000"), Damaged),  # alpha twice
        (sealed(START, "80", "0000", "01", "0302abcd"), Damaged),  # no DEFLATE
        (sealed(START, "80", "0000", "01", f"0118{PNG}0000000200000001"), Damaged),  # alpha too wide
    ],
)
def test_hostile_headers(data, kind):
    with pytest.raises(kind) as caught:
        read_header(data)
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (sealed("d95510116c", "0000", "00", PAYLOAD), OtherWeights),
        (sealed(f"d955102{TAG}", "0000", "00", PAYLOAD), OtherWeights),
        (sealed(START, "600880", "0000", PAYLOAD), Future),
        (sealed(START, "6008ff", "0000", PAYLOAD), Future),  # the mode comes before the gain
        (sealed(START, "7711", "0000", PAYLOAD), Damaged),  # gain 11 + 1 / 16
        (sealed(START, "0000", "00", "ff" * 8), Damaged),  # q = 2^24
    ],
)
def test_what_a_reader_cannot_decode(data, kind):
    with pytest.raises(kind):
        read(data, weights())


def test_exit_codes():
    assert [kind.code for kind in (NotUlb, Future, Damaged, OtherWeights, TooLarge)] == [5, 6, 7, 8, 10]


def test_a_header_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        read_header(PIXEL).width = 2
