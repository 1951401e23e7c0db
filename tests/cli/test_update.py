"""Second runs over a folder: what has other settings or a changed source is told and done again."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from support import run_here, synthetic_picture

import ulbic
from ulbic.cli.memory import NAME


@pytest.fixture
def photos(tmp_path):
    """Two pictures, one in a folder below."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for i, name in enumerate(("a.png", "sub/b.png")):
        synthetic_picture(48, 32, i).save(folder / name)
    return folder


def encode(photos, *options):
    result = run_here("encode", photos, "-o", photos.parent / "out", *options, "--json")
    assert result.exit_code == 0, result.stderr
    outcomes = map(json.loads, result.stdout.splitlines())
    status = {os.path.basename(o["input"]): o["reason"] or o["status"] for o in outcomes}
    return status, result.stderr


def test_other_settings_are_told_and_done_again(photos, tmp_path):
    encode(photos, "-q", 1)
    status, told = encode(photos, "-q", 5)
    assert status == {"a.png": "stale", "b.png": "stale"}
    assert "2 skipped because they exist" in told
    assert "ulbic: 2 are of other settings or of changed sources; --update does them again\n" in told
    assert ulbic.info(tmp_path / "out" / "a.ulb").gain == 0

    assert encode(photos, "-q", 5, "--update")[0] == {"a.png": "done", "b.png": "done"}
    for name in ("a", "sub/b"):
        data = (tmp_path / "out" / f"{name}.ulb").read_bytes()
        assert data == ulbic.encode(photos / f"{name}.png", 5)
    status, told = encode(photos, "-q", 5, "--update")
    assert status == {"a.png": "exists", "b.png": "exists"}
    assert "--update" not in told


def test_changed_sources_are_told_and_done_again(photos, tmp_path):
    encode(photos, "-q", 1)
    synthetic_picture(48, 32, 7).save(photos / "a.png")
    assert encode(photos, "-q", 1)[0] == {"a.png": "stale", "b.png": "exists"}
    assert encode(photos, "-q", 1, "--update")[0] == {"a.png": "done", "b.png": "exists"}
    assert (tmp_path / "out" / "a.ulb").read_bytes() == ulbic.encode(photos / "a.png", 1)


def test_a_touched_or_copied_source_has_not_changed(photos):
    encode(photos, "-q", 1)
    os.utime(photos / "a.png", (0, 0))
    shutil.copyfile(photos / "sub" / "b.png", photos / "copy")
    os.replace(photos / "copy", photos / "sub" / "b.png")
    assert encode(photos, "-q", 1)[0] == {"a.png": "exists", "b.png": "exists"}


def test_settings_that_change_no_result_do_not_count(photos):
    encode(photos, "-q", 1)
    assert set(encode(photos, "-q", 1, "--verify", "--device", "cpu", "-j", 2)[0].values()) == {"exists"}


def test_only_results_of_ulbic_are_done_again(photos, tmp_path):
    encode(photos, "-q", 1)
    (tmp_path / "out" / "a.ulb").write_bytes(b"of someone else")
    assert encode(photos, "-q", 2, "--update")[0] == {"a.png": "exists", "b.png": "done"}
    assert (tmp_path / "out" / "a.ulb").read_bytes() == b"of someone else"


def test_a_broken_memory_is_passed_over(photos, tmp_path):
    encode(photos, "-q", 1)
    memory = tmp_path / "out" / NAME
    memory.write_bytes(b"\xff\n3\n{}\n" + memory.read_bytes()[:40])
    assert encode(photos, "-q", 2)[0] == {"a.png": "exists", "b.png": "stale"}


def test_decoding_remembers_as_well(photos, tmp_path):
    encode(photos, "-q", 1)
    decode = ["decode", tmp_path / "out", "-o", tmp_path / "decoded"]
    assert run_here(*decode, "--preview").exit_code == 0
    blurred = (tmp_path / "decoded" / "a.png").read_bytes()
    again = run_here(*decode)
    assert "ulbic: 2 are of other settings" in again.stderr
    assert run_here(*decode, "--update").exit_code == 0
    assert (tmp_path / "decoded" / "a.png").read_bytes() != blurred


def test_a_single_file_has_nothing_to_update(photos):
    assert run_here("encode", photos / "a.png", "--update").exit_code == 2
