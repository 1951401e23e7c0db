"""Bytes through stdin and stdout, and what the verbs print."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from support import run_here, synthetic_picture

import ulbic as package
from ulbic.cli.pictures import format_of, picture_bytes
from ulbic.errors import OutputError


def test_a_picture_through_pipes(picture_file):
    encoded = run_here("encode", "-", "-q", 2, data=picture_file.read_bytes())
    assert (encoded.exit_code, encoded.stderr) == (0, "")
    assert encoded.stdout_bytes == package.encode(picture_file, 2)
    decoded = run_here("decode", "-", "--format", "webp", data=encoded.stdout_bytes)
    assert (decoded.exit_code, decoded.stderr) == (0, "")
    with Image.open(io.BytesIO(decoded.stdout_bytes)) as picture:
        assert (picture.format, picture.size) == ("WEBP", (96, 80))


def test_errors_of_pipes(picture_file):
    assert run_here("encode", "-", data=b"no picture").exit_code == 4
    assert run_here("decode", "-", data=b"").exit_code == 5
    assert run_here("encode", "-", picture_file).exit_code == 2
    assert run_here("encode", picture_file.parent, "-o", "-").exit_code == 2
    assert run_here("encode", picture_file, "-o", "-", "--json").exit_code == 2


def test_a_reader_that_goes_away_is_one_line(tmp_path):
    path = tmp_path / "a.ulb"
    path.write_bytes(package.encode(synthetic_picture(32, 32), 1))
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "ulbic", "decode", str(path), "-o", "-"]
    result = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert result.returncode == 9
    assert result.stderr == "ulbic: cannot write to stdout: Broken pipe\n"


def test_json_and_quiet(tmp_path):
    picture = tmp_path / "a.tif"
    Image.new("CMYK", (20, 10)).save(picture)
    told = run_here("encode", picture)
    assert (told.stdout, told.stderr) == ("", "ulbic: note: CMYK colours are converted to RGB\n")
    quiet = run_here("encode", picture, "-f", "--quiet")
    assert (quiet.stdout, quiet.stderr) == ("", "")
    outcome = json.loads(run_here("encode", picture, "-f", "--json").stdout)
    assert (outcome["status"], outcome["width"], outcome["height"]) == ("done", 20, 10)
    assert outcome["output_bytes"] == (tmp_path / "a.ulb").stat().st_size
    assert outcome["notes"] == ["note: CMYK colours are converted to RGB"]


def test_transparency_is_flattened_for_formats_without():
    picture = Image.new("RGBA", (4, 4), (255, 0, 0, 51))
    with pytest.warns(UserWarning, match="BMP|JPEG"):
        flat = Image.open(io.BytesIO(picture_bytes(picture, "JPEG")))
    assert np.abs(np.asarray(flat).astype(int) - (255, 204, 204)).max() <= 2
    with pytest.warns(UserWarning, match="transparency"):
        assert Image.open(io.BytesIO(picture_bytes(picture.convert("LA"), "JPEG"))).mode == "L"
    assert Image.open(io.BytesIO(picture_bytes(picture, "PNG"))).mode == "RGBA"


@pytest.mark.parametrize("picture_format", ["PNG", "JPEG", "WEBP"])
def test_metadata_reaches_the_file(picture_format):
    exif = Image.Exif()
    exif[0x013B] = "A. Nonymous"
    picture = Image.new("RGB", (4, 4))
    picture.info |= {"exif": exif.tobytes(), "xmp": b"<x/>", "icc_profile": b"profile"}
    back = Image.open(io.BytesIO(picture_bytes(picture, picture_format)))
    back.load()
    assert back.getexif()[0x013B] == "A. Nonymous"
    assert (back.info["xmp"], back.info["icc_profile"]) == (b"<x/>", b"profile")


def test_formats_that_cannot_hold_the_picture(tmp_path):
    with pytest.raises(OutputError, match="suffix"):
        format_of(tmp_path / "a.mp3")
    with pytest.raises(OutputError, match="MSP"):
        picture_bytes(Image.new("RGB", (4, 4)), "MSP")
