"""What stands beside the colours: kinds, alpha, orientation and metadata come back; damage is told."""

from __future__ import annotations

import binascii
import contextlib
import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import SIZE, cut_out, file_bytes, rich_file, round_trip
from PIL import ExifTags, Image
from support import synthetic_picture

import ulbic
from ulbic.bitstream.container import read_container
from ulbic.codec.alpha import decode_alpha, encode_alpha
from ulbic.codec.decoder import decode_symbols
from ulbic.codec.extras import unpack_extras
from ulbic.codec.images import load_picture
from ulbic.codec.profiles import TINY
from ulbic.errors import ConversionNote, DamagedError, ImageError


@pytest.mark.parametrize(
    ("mode", "back"),
    [
        ("RGB", "RGB"),
        ("P", "RGB"),
        ("YCbCr", "RGB"),
        ("HSV", "RGB"),
        ("L", "L"),
        ("1", "L"),
        ("RGBA", "RGBA"),
        ("LA", "LA"),
    ],
)
def test_every_kind_of_picture_comes_back_as_its_own(mode, back):
    decoded = round_trip(synthetic_picture(*SIZE).convert(mode))
    assert (decoded.size, decoded.mode) == (SIZE, back)


def test_grey_costs_one_byte():
    grey = synthetic_picture(*SIZE).convert("L")
    assert len(ulbic.encode(grey, 3)) == len(ulbic.encode(grey.convert("RGB"), 3)) + 1


def test_transparency_comes_back():
    picture = cut_out()
    decoded = round_trip(file_bytes(picture))
    assert (decoded.size, decoded.mode) == (SIZE, "RGBA")
    error = np.asarray(decoded.getchannel("A")).astype(int) - np.asarray(picture.getchannel("A"))
    assert abs(error).max() <= 9


def test_transparency_of_palettes_and_single_colours_comes_back():
    palette = synthetic_picture(*SIZE).quantize(16)
    assert round_trip(file_bytes(palette, transparency=3)).mode == "RGBA"
    assert round_trip(file_bytes(Image.new("L", SIZE, 7), transparency=7)).mode == "LA"


def test_colours_that_nobody_sees_change_nothing():
    one, other = cut_out(), cut_out()
    hidden = one.getchannel("A").point([255] + 255 * [0])
    one.paste((255, 0, 255, 0), mask=hidden)
    other.paste((0, 255, 0, 0), mask=hidden)
    assert ulbic.encode(one, 3) == ulbic.encode(other, 3)
    assert round_trip(Image.new("RGBA", SIZE)).getchannel("A").getextrema() == (0, 0)


masks = st.builds(
    lambda width, height, levels, seed: Image.fromarray(
        np.random.default_rng(seed).choice(np.array(levels, np.uint8), (height, width))
    ),
    st.integers(1, 20),
    st.integers(1, 20),
    st.lists(st.integers(0, 255), min_size=1, max_size=40, unique=True),
    st.integers(0, 999),
)


@given(masks)
@settings(max_examples=50, deadline=None)
def test_masks_come_back_exactly_or_nearly(mask):
    back = decode_alpha(encode_alpha(mask), mask.size)
    error = np.asarray(back).astype(int) - np.asarray(mask)
    levels = len(np.unique(np.asarray(mask)))
    assert abs(error).max() <= (0 if levels <= 16 else 9)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_mask_that_is_the_same_everywhere_is_one_byte(level):
    assert encode_alpha(Image.new("L", SIZE, level)) == bytes([level])


def test_a_mask_longer_than_webp_allows_comes_back():
    mask = Image.linear_gradient("L").resize((1, 20_000)).point(lambda v: 255 * (v > 99))
    assert np.array_equal(decode_alpha(encode_alpha(mask), mask.size), mask)


@pytest.mark.parametrize("data", [b"", b"RIFF", file_bytes(Image.new("L", (3, 3))), b"\xff\xd8\xff\xe0abc"])
def test_damaged_masks_are_refused(data):
    with pytest.raises(DamagedError, match="alpha"):
        decode_alpha(data, SIZE)


@given(st.booleans(), st.lists(st.tuples(st.integers(0, 999), st.integers(0, 255)), max_size=6))
@settings(max_examples=200, deadline=None)
def test_mutated_masks_are_masks_or_damaged(png, edits):
    alpha = cut_out().getchannel("A")
    data = bytearray(file_bytes(alpha) if png else encode_alpha(alpha))
    for place, value in edits:
        data[place % len(data)] = value
    with contextlib.suppress(DamagedError):
        assert decode_alpha(bytes(data[: edits[0][0] + 1 if edits else None]), SIZE).mode == "L"


def test_exif_orientation_is_applied():
    picture = synthetic_picture(*SIZE)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # the camera was turned: show it a quarter clockwise
    rotated = load_picture(file_bytes(picture, exif=exif))
    assert np.array_equal(rotated, picture.transpose(Image.Transpose.ROTATE_270))
    assert round_trip(file_bytes(picture, exif=exif), keep_metadata=True).size == (SIZE[1], SIZE[0])


def test_metadata_is_kept_on_request_and_stripped_without():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 3
    exif[ExifTags.Base.Artist] = "A. Nonymous"
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
    data = file_bytes(synthetic_picture(*SIZE), "JPEG", exif=exif, xmp=xmp)
    stripped, kept = round_trip(data), round_trip(data, keep_metadata=True)
    assert "exif" not in stripped.info
    assert "xmp" not in stripped.info
    assert kept.info["xmp"] == xmp
    assert dict(kept.getexif()) == {ExifTags.Base.Artist: "A. Nonymous"}
    assert len(ulbic.encode(data, 3, keep_metadata=True)) < len(ulbic.encode(data, 3)) + 120


def test_damaged_exif_does_not_stop_a_picture():
    data = file_bytes(synthetic_picture(*SIZE), exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01")
    assert round_trip(data, keep_metadata=True).size == SIZE


@pytest.mark.parametrize("size", [(1, 1), (1, 70), (70, 1)])
def test_one_pixel_wide(size):
    picture = cut_out().resize(size)
    decoded = round_trip(file_bytes(picture))
    assert (decoded.size, decoded.mode) == (size, "RGBA")


@pytest.mark.parametrize("picture_format", ["GIF", "PNG", "WEBP"])
def test_the_first_frame_of_an_animation_is_coded_with_a_note(picture_format):
    frames = [Image.new("RGB", SIZE, colour) for colour in ("red", "green", "blue")]
    data = file_bytes(frames[0], picture_format, save_all=True, append_images=frames[1:], lossless=True)
    with pytest.warns(ConversionNote, match="first of 3 frames"):
        assert load_picture(data).getpixel((5, 5)) == (255, 0, 0)
    with pytest.warns(ConversionNote, match="first of 3 frames"):
        assert round_trip(data).size == SIZE


def test_a_damaged_alpha_chunk_is_refused_before_the_networks_run():
    data = ulbic.encode(cut_out(), 3)
    container = read_container(data)
    header = container.header
    bad = replace(header, chunks=(header.chunks[0]._replace(data=b"RIFFnothing"),))
    with pytest.raises(DamagedError, match="alpha"):
        unpack_extras(container._replace(header=bad))


@pytest.mark.filterwarnings("ignore:the file is cut off")
def test_a_cut_behind_the_payload_takes_no_pixel():
    data = rich_file()
    alpha, exif = (len(chunk.data) for chunk in read_container(data).header.chunks)
    whole = ulbic.decode(data)
    after_alpha = len(data) - 2 - exif - 2
    for length in (after_alpha - alpha, after_alpha - 1):
        with pytest.warns(UserWarning, match="cut off or damaged, and left out"):
            picture = ulbic.decode(data[:length], allow_partial=True)
        assert picture.mode == "RGB"
        assert np.array_equal(picture, whole.convert("RGB"))
    with pytest.warns(UserWarning, match="cut off or damaged, and left out"):
        picture = ulbic.decode(data[:after_alpha], allow_partial=True)
    assert (np.array_equal(picture, whole), len(picture.getexif())) == (True, 0)
    picture = ulbic.decode(data[:-1], allow_partial=True)
    assert (np.array_equal(picture, whole), len(picture.getexif())) == (True, 1)


@pytest.mark.filterwarnings("ignore:transparency")
def test_the_longer_what_is_left_of_a_file_with_extras_the_more_is_read(bundle):
    data = rich_file()
    payload = len(read_container(data).payload)
    missing, masks = [], []
    for length in range(10, len(data)):
        container = read_container(data[:length], allow_partial=True)
        masks.append(unpack_extras(container).alpha is not None)
        if length < 10 + payload + 3:
            missing.append(decode_symbols(bundle, container).missing)
    assert missing == sorted(missing, reverse=True)
    assert (missing[0], missing.index(0)) == (1, payload)
    assert masks == sorted(masks)


OLDER = f"d955101{TINY.tag:03x}834f2f220101804202abcd"  # 80 x 48 grey pixels; alpha, a kind of the future


@pytest.mark.filterwarnings("ignore:transparency", "ignore:the file is cut off")
def test_extras_in_front_of_the_payload_are_still_read():
    _, payload, *_ = read_container(ulbic.encode(synthetic_picture(*SIZE), 4))
    body = bytes.fromhex(OLDER) + payload
    picture = ulbic.decode(body + binascii.crc_hqx(body, 0xFFFF).to_bytes(2, "big"))
    assert (picture.mode, picture.getchannel("A").getextrema()) == ("LA", (128, 128))
    for length in range(9, len(bytes.fromhex(OLDER))):
        assert ulbic.decode((body + b"xx")[: length + 1], allow_partial=True).size == SIZE


@pytest.mark.filterwarnings("ignore:the file is cut off")
@pytest.mark.parametrize("kind", [0, 1])
def test_damaged_extras_do_not_take_the_picture(kind):
    data = rich_file()
    chunk = read_container(data).header.chunks[kind].data
    damaged = data.replace(chunk, b"\xff" * len(chunk))
    with pytest.warns(UserWarning, match="cut off or damaged, and left out"):
        picture = ulbic.decode(damaged, allow_partial=True)
    assert picture.mode == ("RGB" if kind == 0 else "RGBA")
    assert bool(picture.getexif()) == (kind == 0)
    whole = np.asarray(ulbic.decode(data).convert("RGB")).astype(int)
    assert np.abs(np.asarray(picture.convert("RGB")).astype(int) - whole).mean() < 10


def test_a_truncated_picture_object_is_refused():
    with (
        Image.open(io.BytesIO(file_bytes(synthetic_picture(64, 64))[:-300])) as picture,
        pytest.raises(ImageError),
    ):
        ulbic.encode(picture)
