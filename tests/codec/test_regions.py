"""Regions of interest: what may be one, where the bits go, and that everything else goes on as without."""

from __future__ import annotations

import binascii

import numpy as np
import pytest
from pictures import SIZE, cut_out, file_bytes
from PIL import ExifTags, Image
from support import run_here, synthetic_picture

import ulbic
from ulbic.benchmarks.metrics import psnr
from ulbic.bitstream.container import read_container
from ulbic.codec.boosts import boost_map
from ulbic.codec.decoder import decode_symbols
from ulbic.codec.regions import Box, Mask, regions_of
from ulbic.codec.settings import EncodeSettings
from ulbic.errors import DamagedError, ImageError, InputError, SettingsError

FACE = (64, 32, 96, 64)  # of the picture below


@pytest.fixture(scope="module")
def picture():
    return synthetic_picture(256, 192, seed=3)


@pytest.mark.parametrize(
    ("roi", "regions"),
    [
        (None, ()),
        ("1,2,30,40", (Box(1, 2, 30, 40, 4.0),)),
        ("1,2,30,40:0.5", (Box(1, 2, 30, 40, 0.5),)),
        ("mask.png", (Mask("mask.png", 4.0),)),
        ("a,b:c.png:8", (Mask("a,b:c.png", 8.0),)),
        ((1, 2, 3, 4), (Box(1, 2, 3, 4, 4.0),)),
        ([1, 2, 3, 4, 2], (Box(1, 2, 3, 4, 2.0),)),
        (["1,2,3,4", (5, 6, 7, 8, 1.5), Mask("a")], (Box(1, 2, 3, 4), Box(5, 6, 7, 8, 1.5), Mask("a"))),
    ],
)
def test_what_may_be_a_region(roi, regions):
    assert regions_of(roi) == regions


@pytest.mark.parametrize(
    ("roi", "message"),
    [
        ("1,2,3", "'1,2,3' is neither x,y,width,height nor a mask"),
        ("", "'' is neither"),
        ("-1,2,3,4", "-1,2,3,4 is not inside any picture"),
        ("1,2,0,4", "1,2,0,4 is not inside any picture"),
        ((1.5, 2, 3, 4), "is not of whole pixels"),
        ("1,2,3,4:x", "a boost that is not a number"),
        ("1,2,3,4:0", "a boost of 0: there are 0.5, 1, ... 8"),
        ("1,2,3,4:8.5", "a boost of 8.5"),
        ("1,2,3,4:0.3", "a boost of 0.3"),
        ("1,2,3,4:nan", "a boost of nan"),
        ("mask.png:9", "a boost of 9"),
    ],
)
def test_what_may_be_none(roi, message):
    with pytest.raises(SettingsError, match=message.replace(".", r"\.")):
        EncodeSettings(roi=roi)


def test_a_box_boosts_every_cell_that_it_touches():
    boosts = boost_map((Box(31, 64, 2, 32), Box(0, 0, 1, 1, 8.0), Box(0, 0, 64, 1, 0.5)), 100, 97)
    assert boosts.tolist() == [[16, 1, 0, 0], [0, 0, 0, 0], [8, 8, 0, 0], [0, 0, 0, 0]]
    assert boost_map((Box(99, 96, 1, 1),), 100, 97)[3].tolist() == [0, 0, 0, 8]


def test_the_brightest_pixel_of_a_mask_boosts_its_cell():
    mask = np.zeros((40, 70), np.uint8)
    mask[0, 0], mask[31, 32:34], mask[33, 69] = 128, (30, 50), 255
    assert boost_map((Mask(mask),), 70, 40).tolist() == [[4, 2, 0], [0, 0, 8]]
    assert boost_map((Mask(mask > 100, 1.5),), 70, 40).tolist() == [[3, 0, 0], [0, 0, 3]]


def test_what_is_transparent_in_a_mask_is_black():
    mask = Image.new("RGBA", (64, 32), (255, 255, 255, 0))
    mask.paste((255, 255, 255, 255), (40, 3, 50, 5))
    assert boost_map((Mask(mask),), 64, 32).tolist() == [[0, 8]]


def test_regions_are_given_upright(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # the camera was turned: show it a quarter clockwise
    data = file_bytes(synthetic_picture(96, 64), "JPEG", exif=exif)
    mask = Image.new("L", (96, 64))
    mask.paste(255, (0, 0, 32, 32))
    mask.save(tmp_path / "mask.jpg", exif=exif)
    boosts = [[0, 4], [0, 0], [0, 0]]
    for roi in ("40,10,20,20:2", f"{tmp_path / 'mask.jpg'}:2"):
        assert boosts_of(ulbic.encode(data, 3, roi=roi)).tolist() == boosts


def boosts_of(data):
    from ulbic.codec.api import bundle_for

    container = read_container(data)
    return decode_symbols(bundle_for(container.header), container).boosts


@pytest.mark.parametrize("target", [{"quality": 2}, {"target_size": 320}])
def test_a_region_is_better_than_without(picture, target):
    plain, boosted = ulbic.encode(picture, **target), ulbic.encode(picture, roi=FACE, **target)
    box = (64, 32, 160, 96)

    def face(data):
        return psnr(picture.crop(box), ulbic.decode(data).crop(box))

    assert face(boosted) > face(plain) + 0.3
    if "quality" in target:
        assert ulbic.info(boosted).gain == ulbic.info(plain).gain
    else:
        assert 290 < len(boosted) <= 320
        assert ulbic.info(boosted).gain < ulbic.info(plain).gain


def test_a_gain_ends_where_the_models_do(picture):
    whole = (0, 0, 256, 192)
    few = ulbic.encode(picture, 8, roi=(*whole, 4), index_mode="0")
    many = ulbic.encode(picture, 8, roi=(*whole, 8), index_mode="0")
    assert np.array_equal(ulbic.decode(few), ulbic.decode(many))
    plain = ulbic.encode(picture, 12, index_mode="0")
    assert np.array_equal(ulbic.decode(few), ulbic.decode(plain))
    with pytest.warns(UserWarning, match="coded as the rest is: the model has no higher gain"):
        ulbic.encode(picture, 12, roi=FACE)


def test_what_marks_nothing_costs_nothing(picture):
    plain = ulbic.encode(picture, 3)
    assert ulbic.encode(picture, 3, roi=np.zeros((192, 256), bool)) == plain
    assert ulbic.encode(picture, 3, roi=[]) == plain
    assert ulbic.info(plain).boost == 0


def test_the_account_of_a_file_says_its_regions(picture, tmp_path):
    data = ulbic.encode(picture, 3, roi=[(0, 0, 64, 32, 2), (64, 0, 32, 64, 6.5)])
    assert (ulbic.info(data).boost, ulbic.info(data).boosted) == (6.5, 4 / 48)
    (tmp_path / "a.ulb").write_bytes(data)
    shown = run_here("info", tmp_path / "a.ulb").stdout
    assert "regions     8% of the picture, up to 6.5 gain steps more\n" in shown


@pytest.mark.filterwarnings("ignore:the file is cut off")
def test_a_file_with_regions_and_transparency_may_be_cut():
    data = ulbic.encode(cut_out(), 3, roi=(0, 0, 40, 48), verify=True)
    whole = ulbic.decode(data)
    assert whole.mode == "RGBA"
    payload = len(read_container(data).payload)
    for length in (10, 11, 14, 10 + payload // 2):
        with pytest.warns(UserWarning, match="left out"):
            assert ulbic.decode(data[:length], allow_partial=True).size == SIZE
    with pytest.warns(UserWarning, match="left out"):
        cut = ulbic.decode(data[: 10 + payload], allow_partial=True)
    assert np.array_equal(cut, whole.convert("RGB"))


def test_a_damaged_map_is_told_without_the_networks():
    damaged = bytes.fromhex("d95510116b80000080" + "1fe524")
    with pytest.raises(DamagedError, match="higher boost"):
        ulbic.info(damaged + binascii.crc_hqx(damaged, 0xFFFF).to_bytes(2, "big"))


@pytest.mark.parametrize(
    ("roi", "error", "message"),
    [
        ((200, 0, 57, 10), SettingsError, "200,0,57,10 is not inside the picture of 256 x 192 pixels"),
        (np.zeros((256, 192), bool), SettingsError, "mask has 192 x 256 pixels, the picture 256 x 192"),
        (np.zeros((192, 256)), ImageError, "more than 8 bits"),
        ("nowhere.png", InputError, "nowhere.png"),
        (b"no picture", ImageError, "the mask is not a picture"),
    ],
)
def test_what_does_not_fit_the_picture_is_refused(picture, roi, error, message):
    with pytest.raises(error, match=message):
        ulbic.encode(picture, 3, roi=roi)


@pytest.mark.parametrize(
    ("roi", "code"), [("90,0,9,9", 2), ("1,2,3,4:99", 2), ("none.png", 3), (__file__, 4)]
)
def test_the_command_ends_with_one_line_and_a_code(picture_file, roi, code):
    result = run_here("encode", picture_file, "--roi", roi)
    assert (result.exit_code, result.stderr.count("\n")) == (code, 1)
    assert not picture_file.with_suffix(".ulb").exists()


def test_a_folder_is_done_but_for_the_pictures_that_a_box_does_not_fit(tmp_path):
    for name, width in (("a", 64), ("b", 96)):
        synthetic_picture(width, 64).save(tmp_path / f"{name}.png")
    result = run_here("encode", tmp_path, "-o", tmp_path / "out", "--roi", "60,0,10,10", "--roi", "0,0,9,9")
    assert result.exit_code == 11
    assert "a.png: the region 60,0,10,10 is not inside the picture of 64 x 64 pixels" in result.stderr
    assert ulbic.info(tmp_path / "out" / "b.ulb").boosted == 3 / 6


def test_pillow_takes_regions(tmp_path, picture):
    picture.save(tmp_path / "x.ulb", quality=3, roi=FACE)
    assert (tmp_path / "x.ulb").read_bytes() == ulbic.encode(picture, 3, roi=FACE)
    with pytest.raises(ValueError, match="not inside the picture"):
        picture.save(tmp_path / "y.ulb", roi=(0, 0, 999, 1))
