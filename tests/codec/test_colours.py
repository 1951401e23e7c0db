"""Colours other than 8-bit sRGB: what profiles, CMYK, Lab and deeper samples become, and what is said."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from pictures import SIZE, deep_png, display_p3, file_bytes, round_trip
from PIL import Image, ImageCms
from support import synthetic_picture

from ulbic.codec.images import load_picture, read_picture
from ulbic.errors import ConversionNote


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
