"""`--dry-run` says what the real run does, with its exit codes, and writes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from support import run_here, synthetic_picture


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A picture without a result, one with, one whose result is of other settings, and one that is gone."""
    monkeypatch.chdir(tmp_path)
    os.mkdir("photos")
    for i, name in enumerate(("exists", "new", "stale")):
        synthetic_picture(48, 32, i).save(f"photos/{name}.png")
    run_here("encode", "photos/stale.png", "-o", "out/", "-q", 1)
    (tmp_path / "out" / "exists.ulb").write_bytes(b"from before")
    (tmp_path / "photos" / "gone.png").symlink_to("nowhere.png")
    return tmp_path


def state(folder):
    return {str(path): path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def told(*options):
    result = run_here("encode", "photos", "-o", "out", "--json", *options)
    lines = {line["input"].split("/")[1][:-4]: line for line in map(json.loads, result.stdout.splitlines())}
    return result.exit_code, {name: (line["status"], line["reason"]) for name, line in lines.items()}


@pytest.mark.parametrize(
    ("options", "exists", "stale"),
    [
        ([], ("skipped", "exists"), ("skipped", "stale")),
        (["--update"], ("skipped", "exists"), ("planned", "stale")),
        (["--force"], ("planned", "forced"), ("planned", "forced")),
    ],
)
def test_it_foresees_what_the_real_run_does(folder, options, exists, stale):
    before = state(folder)
    code, foreseen = told("-q", 2, "--dry-run", *options)
    assert state(folder) == before
    assert foreseen == {
        "exists": exists,
        "gone": ("failed", ""),
        "new": ("planned", "new"),
        "stale": stale,
    }
    real_code, real = told("-q", 2, *options)
    assert code == real_code == 11
    done = {name for name, (status, _) in real.items() if status == "done"}
    assert done == {name for name, (status, _) in foreseen.items() if status == "planned"}


def test_it_says_so_in_words():
    result = run_here("encode", "photos", "-o", "out", "-q", 2, "--update", "--dry-run")
    assert result.stdout.splitlines() == [
        "photos/exists.png: skipped, exists",
        "photos/gone.png: refused, cannot read 'photos/gone.png': No such file or directory",
        "photos/new.png -> out/new.ulb",
        "photos/stale.png -> out/stale.ulb, made again",
    ]
    assert result.stderr.splitlines() == [
        "ulbic: 2 to write, 1 to skip, 1 refused; nothing was written",
        "ulbic: 1 of 4 files would fail",
    ]


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (0, ["encode", "photos/new.png"]),
        (0, ["encode", "photos/new.png", "-o", "photos/new.jpg", "--force"]),
        (0, ["decode", "out/stale.ulb", "-o", "a", "--format", "webp"]),
        (2, ["encode", "photos/new.png", "-q", "13"]),
        (2, ["encode", "photos/new.png", "-o", "photos/new.jpg"]),
        (2, ["encode", "photos/new.png", "-o", "-", "--json"]),
        (3, ["encode", "photos/gone.png"]),
        (9, ["encode", "photos/new.png", "-o", "out/exists.ulb"]),
        (9, ["encode", "photos/new.png", "-o", "nowhere/a.ulb"]),
        (9, ["encode", "photos/new.png", "-o", "photos/new.png", "--force"]),
        (9, ["decode", "out/stale.ulb", "-o", "a.unknown"]),
        (9, ["decode", "out/stale.ulb", "--format", "unknown"]),
    ],
)
def test_a_single_file_has_the_exit_code_of_the_real_run(folder, code, arguments):
    before = state(folder)
    result = run_here(*arguments, "--dry-run")
    assert result.exit_code == code, result.stderr
    assert bool(result.stdout) == (code == 0)
    assert state(folder) == before
    assert run_here(*arguments).exit_code == code


def test_a_folder_that_cannot_be_made_is_foreseen(folder):
    (folder / "file").touch()
    result = run_here("encode", "photos/new.png", "photos/stale.png", "-o", "file/out", "--dry-run", "--json")
    assert result.exit_code == 11
    assert [json.loads(line)["exit_code"] for line in result.stdout.splitlines()] == [9, 9]


@pytest.mark.skipif(os.name != "posix", reason="devices and links of POSIX")
def test_devices_and_links_are_as_in_the_real_run(folder):
    os.symlink("far/a.ulb", "link.ulb")
    for output, code in ((os.devnull, 0), ("link.ulb", 9)):
        for dry in ([], ["--dry-run"]):
            assert run_here("encode", "photos/new.png", "-o", output, *dry).exit_code == code
    assert os.path.islink("link.ulb")


def test_it_loads_no_model():
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom ulbic.cli.main import cli\n"
        "for verb in (['encode', 'photos/new.png'], ['decode', 'out', '--update']):\n"
        "    assert CliRunner().invoke(cli, [*verb, '--dry-run']).exit_code == 0\n"
        "print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
