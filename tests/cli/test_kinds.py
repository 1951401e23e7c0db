"""Kinds of picture files: which are counted, which need a plugin, and how outputs are written."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image
from support import run_here, synthetic_picture

import ulbic as package
from ulbic.cli.pictures import Look, picture_bytes
from ulbic.codec.images import load_picture
from ulbic.codec.readers import looks_like_picture

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)


def opened(data):
    return Image.open(io.BytesIO(data))


@pytest.fixture
def no_plugins(monkeypatch):
    """As where neither plugin is installed, whatever other tests have loaded."""
    Image.init()
    monkeypatch.setattr(Image, "ID", [name for name in Image.ID if name not in ("HEIF", "JXL")])
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    monkeypatch.setitem(__import__("sys").modules, "pillow_jxl", None)


def test_every_picture_of_a_folder_counts(no_plugins, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    synthetic_picture(32, 32).save(photos / "a.png")
    (photos / "b.HEIC").write_bytes(HEIC)
    (photos / "c.jxl").write_bytes(b"\xff\x0a" + bytes(40))
    synthetic_picture(32, 32).save(photos / "d.dng", "TIFF")  # a raw photograph looks like its thumbnail
    (photos / "notes.txt").write_text("no picture")
    result = run_here("encode", photos, "-o", tmp_path / "out", "--json")
    assert result.exit_code == 11
    told = {line["input"].rpartition("/")[2]: line for line in map(json.loads, result.stdout.splitlines())}
    assert {name: line["exit_code"] for name, line in told.items()} == {
        "a.png": 0,
        "b.HEIC": 4,
        "c.jxl": 4,
        "d.dng": 4,
    }
    assert told["b.HEIC"]["error"].endswith("whose reader is missing: pip install 'ulbic[heic]'")
    assert told["c.jxl"]["error"].endswith("whose reader is missing: pip install 'ulbic[jxl]'")
    assert "raw photograph" in told["d.dng"]["error"]
    assert "1 done" in result.stderr
    assert "3 failed" in result.stderr


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.heif", True),
        ("a.AVIF", True),
        ("a.nef", True),
        ("a.exr", True),
        ("a.ulb", False),
        ("a.mpg", False),
    ],
)
def test_what_looks_like_a_picture(name, expected, tmp_path):
    assert looks_like_picture(tmp_path / name) is expected


@pytest.mark.parametrize(("suffix", "module"), [("heic", "pillow_heif"), ("avif", ""), ("jxl", "pillow_jxl")])
def test_formats_of_plugins_are_read_and_written(suffix, module, tmp_path):
    if module:
        pytest.importorskip(module, reason=f"needs pip install 'ulbic[{suffix}]'")
    elif ".avif" not in Image.registered_extensions():
        pytest.skip("this build of Pillow has no AVIF")
    (tmp_path / "a.ulb").write_bytes(package.encode(synthetic_picture(64, 48), 3))
    written = tmp_path / f"a.{suffix}"
    assert run_here("decode", tmp_path / "a.ulb", "-o", written).exit_code == 0
    decoded = np.asarray(package.decode(tmp_path / "a.ulb")).astype(int)
    assert np.abs(np.asarray(load_picture(written)).astype(int) - decoded).mean() < 3
    assert run_here("encode", written, "-o", tmp_path / "b.ulb").exit_code == 0
    assert package.info(tmp_path / "b.ulb").width == 64


@pytest.mark.parametrize("picture_format", ["BMP", "PPM", "PCX", "JPEG"])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_never_lost_silently(picture_format, mode):
    picture = Image.new("RGBA", (4, 4), (0, 0, 0, 51)).convert(mode)
    with pytest.warns(UserWarning, match=f"{picture_format} has no transparency; it is flattened on white"):
        back = opened(picture_bytes(picture, picture_format))
    assert np.abs(np.asarray(back.convert("L")).astype(int) - 204).max() <= 2


def test_icons_have_the_size_of_the_picture_where_they_can():
    assert opened(picture_bytes(synthetic_picture(48, 32), "ICO")).size == (48, 32)
    with pytest.warns(UserWarning, match="256 x 128 pixels instead of 300 x 150"):
        assert opened(picture_bytes(synthetic_picture(300, 150), "ICO")).size == (256, 128)


def test_colours_are_not_lost_silently():
    with pytest.warns(UserWarning, match="GIF has 256 colours"):
        picture_bytes(synthetic_picture(48, 32), "GIF")


def test_formats_without_grey_get_colours():
    assert opened(picture_bytes(Image.new("L", (4, 4), 9), "QOI")).getpixel((0, 0)) == (9, 9, 9)


@pytest.mark.parametrize("picture_format", ["JPEG", "WEBP"])
def test_the_default_quality_does_not_hurt(picture_format):
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(96, 160, (64, 64), dtype=np.uint8)).convert("RGB")

    def error(**look):
        back = opened(picture_bytes(picture, picture_format, Look(**look)))
        return np.abs(np.asarray(back).astype(int) - np.asarray(picture)).mean()

    assert error() == error(quality=95)
    assert error() < 0.8 * error(quality=80)
    assert error(quality=20) > error(quality=80)


def test_output_quality_and_resize(tmp_path):
    file = tmp_path / "a.ulb"
    file.write_bytes(package.encode(synthetic_picture(96, 80), 3))

    def decoded(*options):
        result = run_here("decode", file, "-o", tmp_path / "a.jpg", "--force", *options)
        assert result.exit_code == 0, result.stderr
        return (tmp_path / "a.jpg").stat().st_size, Image.open(tmp_path / "a.jpg").size

    assert decoded("--output-quality", 20)[0] < decoded()[0] < decoded("--output-quality", 100)[0]
    assert decoded("--resize", "48x48")[1] == (48, 40)
    assert decoded("--resize", "500x40")[1] == (48, 40)
    assert decoded("--resize", "500x500")[1] == (96, 80)
    told = run_here("decode", file, "-o", tmp_path / "a.png", "--output-quality", 20).stderr
    assert told == "ulbic: warning: PNG has no quality to choose\n"
