"""Kinds of pictures: what of them is coded, what comes back, and what is said about the rest."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, ImageDraw
from support import synthetic_picture

import ulbic
from ulbic.bitstream.container import read_container
from ulbic.codec.alpha import decode_alpha, encode_alpha
from ulbic.codec.images import load_picture, read_picture
from ulbic.errors import ConversionNote, DamagedError, ImageError

SIZE = (80, 48)


def file_bytes(picture, picture_format="PNG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, picture_format, **options)
    return buffer.getvalue()


def round_trip(data, **options):
    return ulbic.decode(ulbic.encode(data, 3, **options))


def cut_out():
    """RGBA: an ellipse with a soft edge."""
    mask = Image.new("L", (4 * SIZE[0], 4 * SIZE[1]))
    ImageDraw.Draw(mask).ellipse((40, 20, 280, 170), fill=255)
    picture = synthetic_picture(*SIZE)
    picture.putalpha(mask.resize(SIZE))
    return picture


def deep_png(colour_type, samples):
    """A PNG of 16 bits a sample; Pillow writes none of several channels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = samples.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    head = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    signature = b"\x89PNG\r\n\x1a\n"
    return signature + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


# A Display P3 profile in its least form: name, white point, primaries adapted to D50, curves.
def display_p3():
    def s15(values):
        return b"XYZ \0\0\0\0" + b"".join(struct.pack(">i", round(v * 65536)) for v in values)

    curve = b"para\0\0\0\0\0\x03\0\0" + b"".join(
        struct.pack(">i", round(v * 65536)) for v in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    )
    text = "P3".encode("utf-16-be")
    described = b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(text), 28) + text
    tags = {
        b"desc": described,
        b"cprt": described,
        b"wtpt": s15((0.9642, 1.0, 0.8249)),
        b"rXYZ": s15((0.5151, 0.2412, -0.0011)),
        b"gXYZ": s15((0.2920, 0.6922, 0.0419)),
        b"bXYZ": s15((0.1571, 0.0666, 0.7841)),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    offset, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", offset + len(body), b"\0\0\0\0", 0x04000000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H4s", 2020, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    head += struct.pack(">iii", *(round(v * 65536) for v in (0.9642, 1.0, 0.8249)))
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


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


def test_display_p3_becomes_srgb():
    red_of_p3 = Image.new("RGB", (4, 4), (200, 80, 60))
    pixels, extras = read_picture(file_bytes(red_of_p3, icc_profile=display_p3()))
    assert extras.icc == b""
    # Linearised, by the matrices of SMPTE EG 432-1 and IEC 61966-2-1 to XYZ and to sRGB, encoded.
    assert np.abs(np.asarray(pixels)[0, 0].astype(int) - (216, 69, 50)).max() <= 1


def test_a_profile_is_kept_on_request():
    data = file_bytes(synthetic_picture(*SIZE), icc_profile=display_p3())
    pixels, extras = read_picture(data, keep_icc=True)
    assert np.array_equal(pixels, synthetic_picture(*SIZE))
    assert extras.icc == display_p3()
    assert round_trip(data, keep_icc=True).info["icc_profile"] == display_p3()


def test_the_srgb_profile_changes_next_to_nothing():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pixels = load_picture(file_bytes(synthetic_picture(*SIZE), icc_profile=profile))
    assert np.abs(np.asarray(pixels).astype(int) - np.asarray(synthetic_picture(*SIZE))).max() <= 1


def test_a_damaged_profile_is_left_out_with_a_note():
    data = file_bytes(synthetic_picture(*SIZE), icc_profile=b"no profile")
    with pytest.warns(ConversionNote, match="profile is damaged"):
        assert np.array_equal(load_picture(data), synthetic_picture(*SIZE))


def test_cmyk_is_converted_with_a_note():
    data = file_bytes(Image.new("CMYK", SIZE, (0, 255, 255, 0)), "TIFF")
    with pytest.warns(ConversionNote, match="CMYK"):
        assert load_picture(data).getpixel((0, 0)) == (255, 0, 0)
    with pytest.warns(ConversionNote, match="CMYK"):
        assert round_trip(data, keep_icc=True).mode == "RGB"


def test_lab_is_converted_with_a_note():
    red = Image.new("LAB", SIZE, (136, 208, 195))  # L* 53.3, a* 80, b* 67
    with pytest.warns(ConversionNote, match="Lab colours are converted to RGB"):
        pixels = load_picture(file_bytes(red, "TIFF"))
    assert np.abs(np.asarray(pixels)[0, 0].astype(int) - (255, 0, 0)).max() <= 12


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_a_profile_of_other_colours_is_left_out_with_a_note(mode):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    picture = Image.new(mode, SIZE, 90)
    picture.info["icc_profile"] = profile
    with pytest.warns(ConversionNote, match="profile is one of Lab and does not fit"):
        _, extras = read_picture(picture, keep_icc=True)
    assert extras.icc == b""


def test_a_grey_picture_with_a_profile_of_colours():
    grey = Image.new("L", SIZE, 100)
    linear = display_p3().replace(struct.pack(">i", round(2.4 * 65536)), struct.pack(">i", 65536))
    grey.info["icc_profile"] = linear
    pixels, extras = read_picture(grey)
    assert extras.grey
    red, green, blue = pixels.getpixel((0, 0))
    assert max(red, green, blue) - min(red, green, blue) <= 1
    assert red > 150  # the curve of the profile is nearly straight, that of sRGB is not


@pytest.mark.parametrize("stored", ["TIFF", None])
def test_32_bit_samples_of_8_bits_stay_visible(stored):
    samples = Image.fromarray(np.array([[0, 100, 255]], np.int32))
    with pytest.warns(ConversionNote, match="32-bit samples, all of 0 to 255, are taken for 8-bit ones"):
        pixels = load_picture(file_bytes(samples, stored) if stored else samples)
    assert np.asarray(pixels)[0, :, 0].tolist() == [0, 100, 255]


def test_32_bit_samples_of_more_are_clipped_with_a_note():
    samples = Image.fromarray(np.array([[-5, 257 * 100, 1 << 20]], np.int32))
    with pytest.warns(ConversionNote, match="those outside are clipped"):
        assert np.asarray(load_picture(samples))[0, :, 0].tolist() == [0, 100, 255]


def test_a_dark_16_bit_picture_stays_dark():
    data = file_bytes(Image.fromarray(np.array([[0, 100, 255]], np.uint16)), "PPM")
    with pytest.warns(ConversionNote, match="16-bit"):
        assert np.asarray(load_picture(data))[0, :, 0].tolist() == [0, 0, 1]


def test_sixteen_bit_grey_is_scaled_with_a_note():
    wide = Image.fromarray(np.array([[0, 257 * 100, 65535]], np.uint16))
    with pytest.warns(ConversionNote, match="16-bit"):
        assert np.asarray(load_picture(wide))[0, :, 0].tolist() == [0, 100, 255]
    with pytest.warns(ConversionNote, match="16-bit"):
        assert round_trip(file_bytes(wide)).mode == "L"


@pytest.mark.parametrize(("colour_type", "mode"), [(2, "RGB"), (4, "LA"), (6, "RGBA")])
def test_sixteen_bit_colour_is_converted_with_a_note(colour_type, mode):
    samples = np.full((*SIZE[::-1], len(mode)), 40_000)
    with pytest.warns(ConversionNote, match="16-bit"):
        decoded = round_trip(deep_png(colour_type, samples))
    assert (decoded.size, decoded.mode) == (SIZE, mode)


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
    from ulbic.codec.extras import unpack_extras

    header = container.header
    bad = replace(header, chunks=(header.chunks[0]._replace(data=b"RIFFnothing"),))
    with pytest.raises(DamagedError, match="alpha"):
        unpack_extras(container._replace(header=bad))


def rich_file():
    """With an alpha mask, and metadata behind it."""
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "A. Nonymous"
    return ulbic.encode(file_bytes(cut_out(), exif=exif.tobytes()), 3, keep_metadata=True)


@pytest.mark.filterwarnings("ignore:the file is cut off")
def test_a_file_cut_anywhere_behind_its_header_is_decoded_in_part():
    data = rich_file()
    extras = len(data) - len(read_container(data).payload) - 2
    assert extras > 100
    for length in (12, extras // 2, extras - 5):
        with pytest.warns(UserWarning, match="cut off or damaged, and left out"):
            picture = ulbic.decode(data[:length], allow_partial=True)
        assert (picture.size, picture.mode) == (SIZE, "RGB")
    assert ulbic.decode(data[:-9], allow_partial=True).mode == "RGBA"
    with pytest.raises(DamagedError):
        ulbic.decode(data[: extras // 2])


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
