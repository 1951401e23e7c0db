"""Many files in one command: trees, names, failures, and what a broken-off run leaves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support import run_here, synthetic_picture

import ulbic as package
from ulbic.cli.output import remove_leftovers
from ulbic.cli.plan import batch_tasks, is_batch, single_task
from ulbic.errors import InputError, OutputError


@pytest.fixture
def photos(tmp_path):
    """Three pictures in a tree, a file that is none, and one that claims to be one."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for i, name in enumerate(("a.png", "b.jpg", "sub/c.png")):
        synthetic_picture(48, 32, i).save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    return folder


def tree(folder):
    """All files but hidden ones."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    return sorted(str(path.relative_to(folder)) for path in files)


def by_suffix(path):
    return path.suffix in (".png", ".jpg")


def outputs(*inputs, output="out"):
    return [str(task.output) for task in batch_tasks(inputs, output, ".ulb", by_suffix)]


def test_the_tree_of_a_folder_is_recreated(photos):
    assert outputs(str(photos)) == ["out/a.ulb", "out/b.ulb", "out/sub/c.ulb"]
    assert outputs(str(photos), output=None)[2] == str(photos / "sub" / "c.ulb")


def test_patterns_recreate_the_tree_below_their_fixed_part(photos):
    assert outputs(f"{photos}/**/*.png") == ["out/a.ulb", "out/sub/c.ulb"]
    assert outputs(f"{photos}/s*") == ["out/sub/c.ulb"]
    assert is_batch((f"{photos}/*.png",), None)


def test_files_that_are_named_are_taken_whatever_their_suffix(photos):
    assert outputs(str(photos / "notes.txt"), str(photos / "sub" / "c.png")) == ["out/notes.ulb", "out/c.ulb"]


def test_names_that_would_meet_keep_their_suffix(photos):
    shutil.copy(photos / "a.png", photos / "a.jpg")
    assert outputs(str(photos))[:2] == ["out/a.jpg.ulb", "out/a.png.ulb"]


def test_two_inputs_never_become_one_output(photos, tmp_path):
    shutil.copytree(photos, tmp_path / "more")
    with pytest.raises(click.UsageError, match="both become out/a.png.ulb"):
        outputs(str(photos), str(tmp_path / "more"))


@given(st.sets(st.from_regex(r"[ab](/[ab]){0,2}(\.[ab]){1,2}", fullmatch=True), min_size=2, max_size=8))
def test_every_file_has_an_output_of_its_own_or_none_is_written(names):
    try:
        tasks = batch_tasks(tuple(sorted(names)), None, ".ulb", by_suffix)
    except click.UsageError:
        assert any(name.count(".") == 2 for name in names)  # a.b.a and a.b, which must keep its suffix
    else:
        assert len({task.output for task in tasks}) == len(names)


def test_hidden_files_are_left_alone(photos):
    shutil.copy(photos / "a.png", photos / ".a.png")
    shutil.copytree(photos / "sub", photos / ".git")
    assert len(outputs(str(photos))) == 3


def test_nothing_to_do_is_an_error(tmp_path):
    with pytest.raises(InputError, match="nothing to do"):
        outputs(str(tmp_path))
    with pytest.raises(InputError, match="nothing to do"):
        outputs(f"{tmp_path}/*.png")


def test_a_file_is_no_folder(photos):
    with pytest.raises(OutputError, match="not a folder"):
        outputs(str(photos), output=str(photos / "a.png"))


@pytest.mark.parametrize(
    ("source", "output", "expected"),
    [("a.png", None, "a.ulb"), ("-", None, "-"), ("-", "b.ulb", "b.ulb"), ("a.png", "-", "-")],
)
def test_where_a_single_result_goes(source, output, expected):
    assert str(single_task(source, output, ".ulb").output) == expected
    assert not is_batch((source,), output)


def test_a_folder_there_and_back(photos, tmp_path):
    files, decoded = tmp_path / "files", tmp_path / "decoded"
    encode = run_here("encode", photos, "-o", files, "-q", 1)
    assert encode.exit_code == 0, encode.stderr
    assert encode.stderr.splitlines()[-1].startswith("ulbic: 3 done (")
    assert tree(files) == ["a.ulb", "b.ulb", "sub/c.ulb"]
    decode = run_here("decode", files, "-o", decoded, "--format", "jpg", "-j", 2, "--quiet")
    assert (decode.exit_code, decode.stdout, decode.stderr) == (0, "", "")
    assert tree(decoded) == ["a.jpg", "b.jpg", "sub/c.jpg"]
    assert Image.open(decoded / "sub" / "c.jpg").size == (48, 32)


def test_failures_are_listed_and_the_rest_goes_on(photos, tmp_path):
    (photos / "broken.png").write_bytes((photos / "a.png").read_bytes()[:60])
    Image.new("CMYK", (8, 8)).save(photos / "z.tif")
    result = run_here("encode", photos, photos / "missing.png", "-o", tmp_path / "out", "--json")
    assert result.exit_code == 11
    outcomes = {line["input"]: line for line in map(json.loads, result.stdout.splitlines())}
    status = {name.removeprefix(f"{photos}/"): line["status"] for name, line in outcomes.items()}
    assert status == {
        "a.png": "done",
        "b.jpg": "done",
        "broken.png": "failed",
        "missing.png": "failed",
        "sub/c.png": "done",
        "z.tif": "done",
    }
    assert outcomes[f"{photos}/missing.png"]["exit_code"] == 3
    assert outcomes[f"{photos}/broken.png"]["exit_code"] == 4
    assert outcomes[f"{photos}/z.tif"]["notes"] == ["note: CMYK colours are converted to RGB"]
    assert outcomes[f"{photos}/a.png"]["output_bytes"] == (tmp_path / "out" / "a.ulb").stat().st_size
    lines = result.stderr.splitlines()
    assert lines[-1] == "ulbic: 2 of 6 files failed"
    assert lines[-3].startswith(f"ulbic: {photos}/broken.png: ")
    assert "Traceback" not in result.stderr


def test_what_exists_is_skipped_unless_forced(photos, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.ulb").write_bytes(b"from before")
    first = run_here("encode", photos, "-o", out, "--json")
    assert [json.loads(line)["status"] for line in first.stdout.splitlines()] == ["skipped", "done", "done"]
    assert (out / "a.ulb").read_bytes() == b"from before"
    assert run_here("encode", photos, "-o", out, "--force").exit_code == 0
    assert package.info(out / "a.ulb").width == 48


COUNT = 24


def start_encoding(photos, out):
    command = [sys.executable, "-m", "ulbic", "encode", photos, "-o", out, "-j", "2"]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # shells ignore it in the background
    )


def wait_for_first_output(process, out):
    while not list(out.glob("*.ulb")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="signals of POSIX")
@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT"])
def test_a_broken_off_run_leaves_whole_files_and_the_next_one_finishes(name, tmp_path):
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    for i in range(COUNT):
        synthetic_picture(160, 128, i).save(photos / f"{i:02}.png")
    process = start_encoding(photos, out)
    wait_for_first_output(process, out)
    if name == "SIGKILL":
        process.kill()  # the parent alone: the others end by themselves
        process.communicate()
    else:
        os.killpg(process.pid, signal.SIGINT)
        assert process.communicate()[1].splitlines()[-1] == "ulbic: interrupted"
        assert process.returncode == 130
    there = {path.name: path.read_bytes() for path in out.glob("*.ulb")}
    assert 0 < len(there) < COUNT
    assert all(package.info(data).width == 160 for data in there.values())

    again = run_here("encode", photos, "-o", out, "--json")
    status = {line["output"]: line["status"] for line in map(json.loads, again.stdout.splitlines())}
    assert again.exit_code == 0
    assert set(there) <= {os.path.basename(o) for o, s in status.items() if s == "skipped"}
    assert sorted(tree(out)) == [f"{i:02}.ulb" for i in range(COUNT)]
    assert all((out / name).read_bytes() == data for name, data in there.items())


def test_leftovers_of_killed_processes_are_removed(tmp_path):
    old, young, other = (tmp_path / n for n in (".ulbic-old.part", ".ulbic-young.part", ".other"))
    for path in (old, young, other):
        path.write_bytes(b"half a fi")
    os.utime(old, (0, 0))
    remove_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == [other, young]
