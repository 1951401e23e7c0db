import pytest
from hypothesis import given
from hypothesis import strategies as st

from ulbic.bitstream.chunks import ALPHA, EXIF, ICC, XMP, pack_chunks, unpack_chunks
from ulbic.bitstream.container import MAX_CHUNK_BYTES, Chunk
from ulbic.errors import DamagedError, LimitError


@given(st.dictionaries(st.sampled_from([ALPHA, ICC, EXIF, XMP]), st.binary(max_size=300)))
def test_round_trip(contents):
    assert unpack_chunks(pack_chunks(contents)) == contents


def test_literal_bytes():
    assert pack_chunks({XMP: b"aaaa", ALPHA: b"\xff"}) == (
        Chunk(1, False, b"\xff"),
        Chunk(4, False, bytes.fromhex("4b4c4c4c0400")),  # raw DEFLATE of aaaa
    )


def test_unknown_kinds_are_skipped():
    assert unpack_chunks([Chunk(99, False, b"of the future"), Chunk(ALPHA, False, b"\0")]) == {ALPHA: b"\0"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",  # not DEFLATE
        bytes.fromhex("4b4c4c4c04"),  # cut off
        bytes.fromhex("4b4c4c4c0400") + b"x",  # something behind the end
    ],
)
def test_damaged_chunks_are_refused(data):
    with pytest.raises(DamagedError, match="icc"):
        unpack_chunks([Chunk(ICC, False, data)])


def test_a_chunk_that_appears_twice_is_refused():
    with pytest.raises(DamagedError, match="two"):
        unpack_chunks([Chunk(ALPHA, False, b"\0")] * 2)


def test_the_largest_content_comes_back():
    contents = {XMP: bytes(MAX_CHUNK_BYTES)}
    assert unpack_chunks(pack_chunks(contents)) == contents


def test_a_small_chunk_cannot_become_a_large_one():
    import zlib

    bomb = zlib.compress(bytes(MAX_CHUNK_BYTES + 1), 9, wbits=-15)
    assert len(bomb) < 20_000
    with pytest.raises(DamagedError, match="too large"):
        unpack_chunks([Chunk(EXIF, False, bomb)])
    with pytest.raises(LimitError):
        pack_chunks({EXIF: bytes(MAX_CHUNK_BYTES + 1)})
