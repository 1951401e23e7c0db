"""What file managers get: the MIME type, and a thumbnailer whose command line works."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import tomllib
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from PIL import Image
from support import run_here, synthetic_picture

import ulbic as package
from ulbic.bitstream.container import SIGNATURE
from ulbic.pillow_hook import EXTENSION, MIME

ROOT = Path(__file__).resolve().parents[2]
MIME_FILE, THUMBNAILER = (
    ROOT / "share" / name for name in ("mime/packages/ulbic.xml", "thumbnailers/ulbic.thumbnailer")
)
SPACE = "{http://www.freedesktop.org/standards/shared-mime-info}"


def test_the_mime_type_is_the_one_of_pillow_and_of_the_format():
    root = ElementTree.parse(MIME_FILE).getroot()
    assert root.tag == f"{SPACE}mime-info"
    (kind,) = root.findall(f"{SPACE}mime-type")
    assert kind.get("type") == MIME
    assert [glob.get("pattern") for glob in kind.findall(f"{SPACE}glob")] == [f"*{EXTENSION}"]
    (match,) = kind.findall(f"{SPACE}magic/{SPACE}match")
    assert (match.get("type"), match.get("offset")) == ("string", "0")
    assert bytes.fromhex(match.get("value").replace(r"\x", "")) == SIGNATURE == b"\xd9\x55"


@pytest.mark.skipif(not shutil.which("update-mime-database"), reason="needs shared-mime-info")
def test_the_desktop_takes_the_mime_type(tmp_path):
    folder = tmp_path / "mime"
    (folder / "packages").mkdir(parents=True)
    shutil.copy(MIME_FILE, folder / "packages")
    command, there = ["update-mime-database", folder], {**os.environ, "XDG_DATA_HOME": str(tmp_path)}
    result = subprocess.run(command, capture_output=True, text=True, check=True, env=there)
    assert result.stderr == ""
    assert f"{MIME}:*{EXTENSION}\n" in (folder / "globs").read_text()
    assert b"[40:image/x-ulb]\n>0=\x00\x02\xd9\x55\n" in (folder / "magic").read_bytes()


def thumbnailer():
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str
    parser.read(THUMBNAILER)
    return dict(parser["Thumbnailer Entry"])


def test_the_thumbnailer_is_of_that_type():
    entry = thumbnailer()
    assert entry["MimeType"] == f"{MIME};"
    assert entry["TryExec"] == shlex.split(entry["Exec"])[0] == "ulbic"
    assert set(re.findall("%.", entry["Exec"])) == {"%i", "%o", "%s"}


@pytest.mark.parametrize(("size", "expected"), [(128, (128, 96)), (256, (200, 150))])
@pytest.mark.parametrize("name", ["thumbnail.png", ".gnome_desktop_thumbnail.X4R1ZZ"])
def test_its_command_makes_a_thumbnail_whatever_the_file_is_called(size, expected, name, tmp_path):
    source, output = tmp_path / "a b.ulb", tmp_path / name
    source.write_bytes(package.encode(synthetic_picture(200, 150), 1))
    output.touch()  # as desktops do
    values = {"%i": str(source), "%o": str(output), "%s": str(size)}
    words = [
        re.sub("%.", lambda match: values[match[0]], word) for word in shlex.split(thumbnailer()["Exec"])
    ]
    result = run_here(*words[1:])
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    with Image.open(output) as picture:
        assert (picture.format, picture.size) == ("PNG", expected)


def test_the_package_installs_them_where_they_are_looked_for():
    files = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    assert set(files) == {"share/man/man1", "share/mime/packages", "share/thumbnailers"}
    for folder, names in files.items():
        assert [Path(name).parent for name in names] == [Path(folder)] * len(names)
        assert all((ROOT / name).is_file() for name in names)
