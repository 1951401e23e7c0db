"""`ulbic compare`."""

from __future__ import annotations

import json
import warnings

import pytest
from PIL import Image
from support import needs_shared, run_here, synthetic_picture

import ulbic
from ulbic.benchmarks import metrics
from ulbic.cli import views

QUICK = ("--metric", "psnr", "--metric", "ms-ssim")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with an original, files made of it, and files that cannot be compared."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # the command replaces it
    monkeypatch.chdir(tmp_path)
    picture = synthetic_picture(176, 168)
    picture.save("original.png")
    picture.save("equal.bmp")
    picture.point(lambda value: min(value, 200) + 5).save("near.png")
    synthetic_picture(64, 48).save("other.png")
    (tmp_path / "text.txt").write_text("no picture")
    (tmp_path / "damaged.ulb").write_bytes(bytes.fromhex("d955101abc34ff05ff030102") + b"\0\0")
    (tmp_path / "folder").mkdir()
    return tmp_path


def test_bytes_bpp_and_metrics_of_every_file(folder, bundle):
    original = Image.open("original.png")
    (folder / "a.ulb").write_bytes(ulbic.encode(original, 3, device="cpu"))
    result = run_here("compare", "original.png", "a.ulb", "near.png", *QUICK, "--json", "--device", "cpu")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    first, second = map(json.loads, result.stdout.splitlines())
    size = (folder / "a.ulb").stat().st_size
    assert first == {
        "file": "a.ulb",
        "status": "done",
        "width": 176,
        "height": 168,
        "bytes": size,
        "bpp": 8 * size / (176 * 168),
        "psnr": metrics.psnr(original, ulbic.decode(folder / "a.ulb", device="cpu")),
        "ms_ssim": metrics.ms_ssim(original, ulbic.decode(folder / "a.ulb", device="cpu")),
    }
    assert second["bytes"] == (folder / "near.png").stat().st_size
    assert second["psnr"] > first["psnr"]


@needs_shared
def test_all_metrics_unless_some_are_named(folder):
    result = run_here("compare", "original.png", "near.png", "--json")
    assert {"psnr", "ms_ssim", "lpips_squeeze", "haarpsi"} <= set(json.loads(result.stdout))


def test_the_table_for_reading(folder):
    result = run_here("compare", "original.png", "equal.bmp", "near.png", *QUICK)
    head, equal, near = result.stdout.splitlines()
    assert head.split() == ["file", "bytes", "bpp", "PSNR", "dB", "MS-SSIM"]
    assert equal.split()[0] == "equal.bmp"
    assert equal.split()[3:] == ["n/a", "1.000"]
    assert len(head) == len(equal) == len(near)


def test_a_metric_that_cannot_be_had_is_named(folder, monkeypatch):
    def broken(*_):
        raise ImportError("No module named 'piq'")

    monkeypatch.setattr(metrics, "haarpsi", broken)
    result = run_here(
        "compare", "original.png", "near.png", "--metric", "psnr", "--metric", "haarpsi", "--json"
    )
    assert result.exit_code == 0
    assert result.stderr == "ulbic: HaarPSI is left out: No module named 'piq'\n"
    assert "haarpsi" not in json.loads(result.stdout)


def test_transparency_is_compared_as_it_looks_on_white(folder):
    picture = synthetic_picture(40, 30).convert("RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 20, 30))
    picture.save("holes.png")
    on_white = Image.new("RGBA", picture.size, "white")
    Image.alpha_composite(on_white, picture).convert("RGB").save("white.png")
    result = run_here("compare", "holes.png", "white.png", "--metric", "psnr")
    assert result.stdout.splitlines()[1].split()[-1] == "n/a"  # infinite: they look the same


def test_the_orientation_that_exif_asks_for_counts(folder):
    picture = Image.open("original.png")
    exif = picture.getexif()
    exif[0x0112] = 6
    picture.transpose(Image.Transpose.ROTATE_90).save("turned.png", exif=exif)
    result = run_here("compare", "original.png", "turned.png", "--metric", "psnr")
    assert result.stdout.splitlines()[1].split()[-1] == "n/a"  # infinite: they look the same


def test_sheets(folder):
    arguments = ("original.png", "near.png", "equal.bmp", "--metric", "psnr")
    assert run_here("compare", *arguments, "-o", "sheet.png").exit_code == 0
    sheet = Image.open("sheet.png")
    assert sheet.width == 3 * 240 + 2 * 4
    below = sheet.height - 168
    assert sheet.crop((0, below, 176, sheet.height)).tobytes() == Image.open("original.png").tobytes()
    second = sheet.crop((244, below, 244 + 176, sheet.height))
    assert second.tobytes() == Image.open("near.png").tobytes()

    assert run_here("compare", *arguments, "-o", "sheet.png", "--difference").exit_code == 9
    assert run_here("compare", *arguments, "-o", "sheet.png", "--difference", "-f").exit_code == 0
    third = Image.open("sheet.png").crop((488, below, 488 + 176, sheet.height))
    assert third.getcolors() == [(176 * 168, (128, 128, 128))]


def test_differences_are_doubled_around_grey():
    white, grey = Image.new("RGB", (2, 1), (250, 100, 0)), Image.new("RGB", (2, 1), (0, 110, 0))
    assert views.difference(white, grey).getpixel((0, 0)) == (0, 148, 128)


def test_a_row_of_a_sheet_has_four_pictures():
    cells = [views.Cell((str(i),), Image.new("RGB", (300, 10), (i, 0, 0))) for i in range(5)]
    sheet = views.sheet(cells)
    assert sheet.width == 4 * 304 - 4
    assert sheet.getpixel((0, sheet.height - 1)) == (4, 0, 0)
    assert sheet.getpixel((304, sheet.height - 1)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("code", "arguments", "line"),
    [
        (1, ["original.png", "other.png"], "'other.png' has 64 x 48 pixels, the original 176 x 168"),
        (2, ["original.png"], None),
        (2, ["original.png", "near.png", "--difference"], None),
        (3, ["folder", "near.png"], "cannot read 'folder': Is a directory"),
        (3, ["missing.png", "near.png"], "cannot read 'missing.png': No such file or directory"),
        (3, ["original.png", "missing.png"], "cannot read 'missing.png': No such file or directory"),
        (4, ["text.txt", "near.png"], "'text.txt': the input is not a picture that can be read"),
        (4, ["original.png", "text.txt"], "'text.txt': the input is not a picture that can be read"),
        (7, ["original.png", "damaged.ulb"], "'damaged.ulb': the checksum does not match"),
        (9, ["original.png", "near.png", "-o", "near.png"], "'near.png' exists"),
        (9, ["original.png", "near.png", "-o", "near.png", "-f"], "cannot write 'near.png': it is one of"),
        (9, ["original.png", "near.png", "-o", "sheet.unknown"], "cannot write 'sheet.unknown': no picture"),
    ],
)
def test_errors_are_one_line_and_a_code(code, arguments, line, folder):
    before = {path: path.is_file() and path.read_bytes() for path in folder.iterdir()}
    result = run_here("compare", *arguments, "--metric", "psnr")
    assert result.exit_code == code, result.stderr
    assert result.stdout == ""
    if line:
        assert result.stderr.startswith(f"ulbic: {line}")
        assert result.stderr.count("\n") == 1
    assert {path: path.is_file() and path.read_bytes() for path in folder.iterdir()} == before


def test_a_sheet_that_is_too_large_is_refused_before_the_work(folder, monkeypatch):
    monkeypatch.setattr(views, "MAX_PIXELS", 2 * 176 * 168)
    result = run_here("compare", "original.png", "near.png", "equal.bmp", "-o", "sheet.png")
    assert result.exit_code == 10
    assert result.stderr == "ulbic: a sheet of 3 such pictures would have more than 59136 pixels\n"


def test_one_of_several_may_fail(folder):
    result = run_here("compare", "original.png", "other.png", "near.png", "--metric", "psnr", "--json")
    assert result.exit_code == 11
    failed, done = map(json.loads, result.stdout.splitlines())
    assert (failed["file"], failed["status"], failed["exit_code"]) == ("other.png", "failed", 1)
    assert (done["file"], done["status"]) == ("near.png", "done")
    assert result.stderr == (
        "ulbic: 'other.png' has 64 x 48 pixels, the original 176 x 168\nulbic: 1 of 2 files failed\n"
    )
