"""`@list.txt` and `@-`: files that are named elsewhere than on the command line."""

from __future__ import annotations

import json
import os

import pytest
from support import run_here, synthetic_picture

import ulbic as package
from ulbic.cli.lists import is_list, listed, names_in
from ulbic.cli.plan import batch_tasks, is_batch


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (b"a.png\nb/c.png\n", ["a.png", "b/c.png"]),
        (b"a.png\r\nb.png", ["a.png", "b.png"]),
        (b"\xef\xbb\xbfa.png\n\n# two photographs\n./#1.png\n", ["a.png", "./#1.png"]),
        (b" a b.png \n*.png\n@more.txt\n", [" a b.png ", "*.png", "@more.txt"]),
        (b"a\nb.png\0#c.png\0\0", ["a\nb.png", "#c.png"]),
        ("ä.png\n".encode(), ["ä.png"]),
        (b"", []),
    ],
)
def test_names_of_a_list(here, data, names):
    (here / "list.txt").write_bytes(data)
    assert names_in("@list.txt") == names


def test_a_file_of_that_name_comes_before_a_list(here):
    (here / "@2x.png").touch()
    assert is_list("@list.txt")
    assert not any(map(is_list, ["@2x.png", "./@2x.png", "@", "a@b"]))
    (here / "list.txt").write_text("a.ulb\n@2x.png\n")
    assert [str(path) for path in listed(["x", "@list.txt"])] == ["x", "a.ulb", "@2x.png"]


def test_names_of_a_list_are_no_patterns_and_may_be_folders(here):
    (here / "photos" / "sub").mkdir(parents=True)
    (here / "photos" / "sub" / "a.png").touch()
    (here / "list.txt").write_text("*.png\nphotos\n")
    assert is_batch(("@list.txt",), None)
    tasks = batch_tasks(("@list.txt",), "out", ".ulb", lambda path: True)
    assert [(str(task.input), str(task.output)) for task in tasks] == [
        ("*.png", "out/*.ulb"),
        ("photos/sub/a.png", "out/sub/a.ulb"),
    ]


@pytest.mark.parametrize(
    ("lines", "message"), [("-\n", "holds '-'"), ("# nothing\n", "nothing to do"), (None, "cannot read")]
)
def test_what_is_no_list_of_files_is_refused(here, lines, message):
    if lines is not None:
        (here / "list.txt").write_text(lines)
    for verb in ("encode", "decode", "info", "compare"):
        before = ["a.png"] if verb == "compare" else []
        result = run_here(verb, *before, "@list.txt")
        assert (result.exit_code, result.stdout) == (3, "")
        assert message in result.stderr


def test_lists_there_and_back(here):
    for i, name in enumerate(("a.png", "b.png")):
        synthetic_picture(48, 32, i).save(name)
    encoded = run_here("encode", "@-", "-o", "out/", "-q", 1, data=b"a.png\0gone.png\0b.png\0")
    assert encoded.exit_code == 11
    assert encoded.stderr.splitlines()[-2:] == [
        "ulbic: gone.png: cannot read 'gone.png': No such file or directory",
        "ulbic: 1 of 3 files failed",
    ]
    (here / "list.txt").write_text("out/b.ulb\nout/a.ulb\n")
    told = [json.loads(line) for line in run_here("info", "@list.txt", "--json").stdout.splitlines()]
    assert [line["input"] for line in told] == ["out/b.ulb", "out/a.ulb"]
    compared = run_here("compare", "a.png", "@list.txt", "--metric", "psnr", "--json").stdout.splitlines()
    assert [json.loads(line)["file"] for line in compared] == ["out/b.ulb", "out/a.ulb"]
    assert run_here("decode", "@list.txt", "--quiet").exit_code == 0
    assert sorted(path for path in os.listdir("out") if path.endswith(".png")) == [
        "a.decoded.png",
        "b.decoded.png",
    ]


def test_an_input_that_is_not_there_leaves_no_folder_behind(here):
    synthetic_picture(48, 32).save("a.png")
    result = run_here("encode", "nowhere/x.png", "a.png", "-q", 1)
    assert result.exit_code == 11
    assert package.info(here / "a.ulb").width == 48
    assert not (here / "nowhere").exists()
