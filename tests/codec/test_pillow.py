"""The plugin of Pillow: lazily there, and as strict about damage as Pillow's own formats."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import numpy as np
import pytest
from pictures import rich_file
from PIL import Image, ImageFile, UnidentifiedImageError
from support import synthetic_picture

import ulbic
from ulbic.bitstream import varint


@pytest.fixture(scope="module")
def data():
    return ulbic.encode(synthetic_picture(96, 64), 3)


@pytest.mark.parametrize(
    "imports", ["import ulbic\nfrom PIL import Image", "from PIL import Image\nimport ulbic"]
)
def test_importing_both_in_any_order_registers_the_format(imports, data, tmp_path):
    (tmp_path / "x.ulb").write_bytes(data)
    code = f"""{imports}
import json, sys
picture = Image.open("x.ulb")
lazy = "torch" not in sys.modules
print(json.dumps([picture.format, picture.mode, picture.size, picture.get_format_mimetype(), lazy]))"""
    output = subprocess.check_output([sys.executable, "-c", code], text=True, cwd=tmp_path)
    assert json.loads(output) == ["ULB", "RGB", [96, 64], "image/x-ulb", True]


def test_importing_ulbic_does_not_import_pillow():
    code = "import ulbic, sys; print('PIL.Image' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"


def test_opening_equals_decoding(data, tmp_path):
    path = tmp_path / "x.ulb"
    path.write_bytes(data)
    with Image.open(path) as picture:
        assert np.array_equal(picture, ulbic.decode(data))
        assert np.array_equal(picture.rotate(90), ulbic.decode(data).rotate(90))
    assert Image.open(io.BytesIO(data)).convert("L").size == (96, 64)


def test_saving_equals_encoding(tmp_path):
    picture = synthetic_picture(64, 48)
    picture.save(tmp_path / "x.ulb", quality=2)
    assert (tmp_path / "x.ulb").read_bytes() == ulbic.encode(picture, 2)
    picture.save(tmp_path / "y.ulb")
    assert (tmp_path / "y.ulb").read_bytes() == ulbic.encode(picture)


def test_saving_takes_every_setting(tmp_path):
    picture = synthetic_picture(256, 192)
    picture.save(tmp_path / "x.ulb", target_size=300, index_mode="1_16")
    assert 250 < (tmp_path / "x.ulb").stat().st_size <= 300
    assert ulbic.info(tmp_path / "x.ulb").index_mode == "1_16"
    with pytest.raises(ValueError, match="exclude each other"):
        picture.save(tmp_path / "y.ulb", quality=3, target_size=300)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "CMYK"])
@pytest.mark.filterwarnings("ignore:CMYK")
def test_modes_are_known_before_the_pixels_are(mode):
    buffer = io.BytesIO()
    synthetic_picture(32, 32).convert(mode).save(buffer, "ULB")
    picture = Image.open(buffer)
    assert picture.mode == {"P": "RGB", "CMYK": "RGB"}.get(mode, mode)
    before = picture.mode
    picture.load()
    assert picture.mode == before == picture.copy().mode


def test_quality_is_that_of_ulbic(tmp_path):
    with pytest.raises(ValueError, match="1 to 12"):
        synthetic_picture(8, 8).save(tmp_path / "x.ulb", quality=75)
    assert not (tmp_path / "x.ulb").exists()


def test_verify(data):
    Image.open(io.BytesIO(data)).verify()
    damaged = bytearray(data)
    damaged[-5] ^= 1
    with pytest.raises(OSError, match="checksum"):
        Image.open(io.BytesIO(damaged)).verify()


@pytest.mark.parametrize("length", [2, 5, 9])
def test_a_file_cut_within_its_header_is_not_identified(data, length):
    with pytest.raises(UnidentifiedImageError):
        Image.open(io.BytesIO(data[:length]))


def test_a_truncated_file_opens_but_neither_loads_nor_verifies(data):
    cut = data[:-10]
    with pytest.raises(OSError, match="checksum"):
        Image.open(io.BytesIO(cut)).verify()
    picture = Image.open(io.BytesIO(cut))
    assert picture.size == (96, 64)
    for _ in range(2):
        with pytest.raises(OSError, match="checksum"):
            picture.load()


def test_a_truncated_file_loads_where_pillow_is_told_so(data, monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    with pytest.warns(UserWarning, match="cut off"):
        assert Image.open(io.BytesIO(data[:-10])).convert("L").size == (96, 64)


@pytest.mark.filterwarnings("ignore:the file is cut off", "ignore:transparency")
def test_a_picture_without_its_damaged_transparency_says_so(monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    picture = Image.open(io.BytesIO(rich_file().replace(b"RIFF", b"RAFF")))
    assert picture.mode == "RGBA"
    picture.load()
    assert picture.mode == picture.im.mode == "RGB"


def test_a_bomb_is_refused_when_opened():
    bomb = bytes.fromhex("d95510100034") + varint.pack(59_999) * 2 + bytes(18)
    with pytest.raises(Image.DecompressionBombError, match="60000"):
        Image.open(io.BytesIO(bomb))


def test_metadata_is_in_info_as_with_other_formats():
    picture = synthetic_picture(32, 32)
    picture.info["xmp"] = b"<x/>"
    buffer = io.BytesIO()
    picture.save(buffer, "ULB", keep_metadata=True)
    opened = Image.open(buffer)
    opened.load()
    assert opened.info["xmp"] == b"<x/>"
