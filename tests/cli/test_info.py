"""`ulbic info`: one file, several, folders, and stdin."""

from __future__ import annotations

import json
import os

import pytest
from support import run_here, synthetic_picture

import ulbic as package


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two files in a tree, and one that is cut off; the current folder is theirs."""
    (tmp_path / "sub").mkdir()
    for i, name in enumerate(("a.ulb", "sub/b.ulb")):
        (tmp_path / name).write_bytes(package.encode(synthetic_picture(48 + 16 * i, 32), 1))
    (tmp_path / "notes.txt").write_text("nothing of ours")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_stdin(folder):
    data = (folder / "a.ulb").read_bytes()
    assert run_here("info", "-", data=data).stdout == run_here("info", "a.ulb").stdout
    assert json.loads(run_here("info", "-", "--json", data=data).stdout)["input"] == "-"


@pytest.mark.parametrize("arguments", [["."], ["a.ulb", "sub/b.ulb"], ["**/*.ulb"], ["a.ulb", "sub"]])
def test_several(arguments, folder):
    told = [json.loads(line) for line in run_here("info", *arguments, "--json").stdout.splitlines()]
    assert [(account["input"], account["width"]) for account in told] == [("a.ulb", 48), ("sub/b.ulb", 64)]
    text = run_here("info", *arguments).stdout
    assert text.index("a.ulb:\nsize        48 x 32") < text.index("sub/b.ulb:\nsize        64 x 32")


def test_failures_are_told_and_the_rest_goes_on(folder):
    (folder / "cut.ulb").write_bytes((folder / "a.ulb").read_bytes()[:-5])
    result = run_here("info", ".", "missing.ulb", "--json")
    assert result.exit_code == 11
    codes = {line["input"]: line.get("exit_code", 0) for line in map(json.loads, result.stdout.splitlines())}
    assert codes == {"a.ulb": 0, "cut.ulb": 7, "sub/b.ulb": 0, "missing.ulb": 3}
    assert "ulbic: 'cut.ulb': the checksum does not match" in result.stderr
    assert result.stderr.endswith("ulbic: 2 of 4 files failed\n")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_pipe_of_a_folder_is_named_and_not_read(folder):
    os.mkfifo("pipe.ulb")
    result = run_here("info", ".")
    assert result.exit_code == 0
    assert "ulbic: pipe.ulb: note: it is a pipe, not a file\n" in result.stderr


def test_a_damaged_file_is_named(folder):
    (folder / "cut.ulb").write_bytes((folder / "a.ulb").read_bytes()[:-5])
    for verb in ("info", "decode"):
        result = run_here(verb, "cut.ulb")
        assert result.exit_code == 7
        assert result.stderr.startswith("ulbic: 'cut.ulb': the checksum does not match")
    result = run_here("decode", "notes.txt", "-o", "x.png")
    assert (result.exit_code, result.stderr) == (5, "ulbic: 'notes.txt': not a .ulb file (no signature)\n")
