"""What shells are told when they ask how a line goes on."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def completed(*words, cwd=None):
    environment = {
        **os.environ,
        "_ULBIC_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    program = "from ulbic.cli.main import cli; cli(prog_name='ulbic')"
    command = [sys.executable, "-c", program]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, cwd=cwd
    ).stdout


def test_verbs_and_options():
    assert completed("ulbic", "en") == "plain,encode\nplain,encode-batch\n"
    assert "plain,--keep-icc\n" in completed("ulbic", "encode", "--keep")


@pytest.mark.parametrize(
    "words", [["encode"], ["encode", "-o"], ["decode"], ["decode", "-o"], ["info"], ["decode", "--weights"]]
)
def test_files_are_the_shell_s_own(words):
    assert completed("ulbic", *words, "ph") == "file,ph\n"


def test_folders_are_the_shell_s_own():
    assert completed("ulbic", "bench", "-o", "ph") == "dir,ph\n"


@pytest.fixture
def lists(tmp_path):
    """Two lists, one in a folder, and a picture."""
    (tmp_path / "sub").mkdir()
    for name in ("list.txt", "sub/names.txt", "photo.jpg"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize("verb", ["encode", "decode", "info", "compare a.png"])
@pytest.mark.parametrize("words", [["@li"], ["@", "li"]], ids=["whole", "as bash breaks it"])
def test_lists_are_completed_with_their_mark(verb, words, lists):
    assert completed("ulbic", *verb.split(), *words, cwd=lists) == "plain,@list.txt\n"


def test_lists_in_folders(lists):
    assert completed("ulbic", "info", "@sub/", cwd=lists) == "plain,@sub/names.txt\n"
    assert completed("ulbic", "info", "@su", cwd=lists) == "plain,@sub\nplain,@sub/names.txt\n"


def test_files_beside_a_list_and_names_that_only_look_like_one(lists):
    assert completed("ulbic", "encode", "@list.txt", "ph", cwd=lists) == "file,ph\n"
    assert completed("ulbic", "encode", "@", "list.txt", "ph", cwd=lists) == "file,ph\n"
    assert completed("ulbic", "encode", "@2x", cwd=lists) == "file,@2x\n"
