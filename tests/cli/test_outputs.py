"""What an output may take the place of, and what it never does."""

from __future__ import annotations

import json
import multiprocessing
import os
import socket
import stat
import threading

import pytest
from PIL import Image
from support import run_here, synthetic_picture, write_when_told

import ulbic as package
from ulbic.cli.output import check_output, write_output
from ulbic.codec.settings import EncodeSettings
from ulbic.errors import OutputError

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes, devices and links of POSIX")


@pytest.fixture
def ulb_file(tmp_path):
    path = tmp_path / "picture.ulb"
    path.write_bytes(package.encode(synthetic_picture(48, 32), 1))
    return path


def read_in_background(path):
    """What comes out of a pipe, once the thread has ended."""
    got = []
    thread = threading.Thread(target=lambda: got.append(path.read_bytes()), daemon=True)
    thread.start()
    return thread, got


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_a_pipe_is_written_into_and_stays(picture_file, tmp_path, force):
    pipe = tmp_path / "pipe.ulb"
    os.mkfifo(pipe)
    thread, got = read_in_background(pipe)
    result = run_here("encode", picture_file, "-o", pipe, "-q", 2, *force)
    assert result.exit_code == 0, result.stderr
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    thread.join(10)
    assert got == [package.encode(picture_file, 2)]


def make_null(path):
    try:
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except OSError:
        pytest.skip("this user, or this folder, may have no devices")


def test_a_device_is_written_into_and_stays(ulb_file, tmp_path):
    null = tmp_path / "null"
    make_null(null)
    write_output(null, b"data")
    check_output(null, force=False)
    assert stat.S_ISCHR(null.stat().st_mode)
    link = tmp_path / "link"
    link.symlink_to(null)
    write_output(link, b"data")
    assert link.is_symlink()
    assert stat.S_ISCHR(null.stat().st_mode)


def test_a_socket_is_refused(picture_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.ulb")
        result = run_here("encode", picture_file, "-o", "socket.ulb", "--force")
        assert (result.exit_code, result.stderr.count("\n")) == (9, 1)
        assert stat.S_ISSOCK(os.stat("socket.ulb").st_mode)


@pytest.mark.parametrize(
    "arguments",
    [
        ["encode", ""],
        ["encode", "picture.png", ""],
        ["encode", "picture.png", "-o", ""],
        ["decode", ""],
        ["decode", "picture.ulb", "-o", ""],
        ["info", ""],
        ["demo", "-o", ""],
        ["weights", "verify", ""],
    ],
)
def test_an_empty_name_is_wrong_usage(arguments, picture_file, ulb_file, monkeypatch):
    monkeypatch.chdir(ulb_file.parent)
    before = sorted(os.listdir())
    result = run_here(*arguments)
    assert result.exit_code == 2, result.stderr
    assert "the name is empty" in result.stderr
    assert sorted(os.listdir()) == before


def test_only_files_of_a_folder_are_taken_and_the_rest_is_named(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    synthetic_picture(32, 32).save(photos / "a.png")
    os.mkfifo(photos / "pipe.png")
    (photos / "gone.png").symlink_to("nowhere.png")
    (photos / "linked.png").symlink_to("a.png")
    for source in (photos, f"{photos}/*.png"):
        result = run_here("encode", source, "-o", tmp_path / "out", "-q", 1, "--force")
        assert result.exit_code == 11
        assert sorted(p.name for p in (tmp_path / "out").glob("*.ulb")) == ["a.ulb", "linked.ulb"]
        assert f"ulbic: {photos}/pipe.png: note: it is a pipe, not a file\n" in result.stderr
        assert f"ulbic: {photos}/gone.png: cannot read" in result.stderr
        assert "2 done (" in result.stderr
        assert "1 skipped because they are no files" in result.stderr


@pytest.mark.parametrize("there", [False, True])
def test_a_link_stays_and_its_target_is_written(there, picture_file, tmp_path):
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "target.ulb", tmp_path / "link.ulb"
    link.symlink_to("real/target.ulb")
    if there:
        target.write_bytes(b"old")
        assert run_here("encode", picture_file, "-o", link).exit_code == 9
        assert target.read_bytes() == b"old"
    assert run_here("encode", picture_file, "-o", link, "-q", 1, *(["-f"] if there else [])).exit_code == 0
    assert link.is_symlink()
    assert not target.is_symlink()
    assert target.read_bytes() == package.encode(picture_file, 1)
    assert os.listdir(tmp_path / "real") == ["target.ulb"]


def names_of(path):
    """Other names of one file: a link, a hard link, another spelling."""
    soft, hard = path.with_name("soft.png"), path.with_name("hard.png")
    soft.symlink_to(path)
    os.link(path, hard)
    return [path, soft, hard, path.parent / "." / ".." / path.parent.name / path.name]


@pytest.mark.parametrize("force", [[], ["--force"]])
def test_an_input_is_never_the_output(picture_file, force):
    before = picture_file.read_bytes()
    for name in names_of(picture_file):
        result = run_here("encode", picture_file, "-o", name, *force)
        assert result.exit_code == 9, result.stderr
        assert result.stderr.count("\n") == 1
        assert "it is the input" in result.stderr
        assert picture_file.read_bytes() == before


def test_json_tells_of_an_input_that_is_the_output(picture_file):
    result = run_here("encode", picture_file, "-o", picture_file, "--force", "--json")
    assert (result.exit_code, json.loads(result.stdout)["exit_code"]) == (9, 9)


@pytest.mark.parametrize("name", ["out.jpg", "out.PNG", "out.heic", "out.dng"])
def test_the_suffix_of_a_picture_is_questioned(name, picture_file, tmp_path):
    result = run_here("encode", picture_file, "-o", tmp_path / name)
    assert result.exit_code == 2
    assert "has a picture's suffix, but a .ulb file is written; --force does it all the same" in result.stderr
    assert not (tmp_path / name).exists()
    assert run_here("encode", picture_file, "-o", tmp_path / name, "-q", 1, "--force").exit_code == 0
    assert (tmp_path / name).read_bytes() == package.encode(picture_file, 1)


def test_no_input_of_a_list_is_an_output(picture_file, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    other = tmp_path / "other.png"
    synthetic_picture(16, 16).save(other)
    (out / "picture.ulb").symlink_to(other)
    before = other.read_bytes()
    result = run_here("encode", picture_file, other, "-o", out, "--force")
    assert result.exit_code == 9
    assert other.read_bytes() == before


def test_a_decoded_picture_keeps_off_the_original(picture_file, ulb_file, monkeypatch):
    before = picture_file.read_bytes()
    monkeypatch.chdir(ulb_file.parent)
    assert run_here("decode", "picture.ulb").exit_code == 0
    assert run_here("decode", "picture.ulb").exit_code == 9  # as of any file that exists
    assert run_here("decode", "picture.ulb", "--force").exit_code == 0
    assert run_here("decode", ".", "--force").exit_code == 0
    assert run_here("decode", "picture.ulb", "-o", "./", "--force").exit_code == 0
    assert picture_file.read_bytes() == before
    assert Image.open("picture.decoded.png").size == (48, 32)
    assert run_here("decode", "picture.ulb", "-o", "elsewhere/").exit_code == 0
    assert os.path.exists("elsewhere/picture.png")
    assert sorted(n for n in os.listdir() if not n.startswith(".")) == [
        "elsewhere",
        "picture.decoded.png",
        "picture.png",
        "picture.ulb",
    ]


def test_one_of_two_writers_succeeds(tmp_path):
    context = multiprocessing.get_context("spawn")
    path, start, results = tmp_path / "out.ulb", context.Barrier(2), context.Queue()
    writers = [
        context.Process(target=write_when_told, args=(path, data, start, results)) for data in (b"a", b"b")
    ]
    for writer in writers:
        writer.start()
    told = [results.get(timeout=60) for _ in writers]
    for writer in writers:
        writer.join()
    won = [answer for answer in told if isinstance(answer, bytes)]
    assert won == [path.read_bytes()]
    assert f"{str(path)!r} exists; use --force to overwrite it" in told
    assert os.listdir(tmp_path) == ["out.ulb"]


def test_what_appears_meanwhile_is_not_replaced(picture_file, tmp_path, monkeypatch):
    from ulbic.codec import api

    output = tmp_path / "out.ulb"

    def encode(*_, **__):
        output.write_bytes(b"from elsewhere")
        return real(picture_file, EncodeSettings(quality=1))

    real = api.encode_with
    monkeypatch.setattr(api, "encode_with", encode)
    assert run_here("encode", picture_file, "-o", output).exit_code == 9
    assert output.read_bytes() == b"from elsewhere"


def test_nothing_is_replaced_where_there_are_no_links(tmp_path, monkeypatch):
    def no_link(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_link)
    output = tmp_path / "out"
    write_output(output, b"first", replace=False)
    with pytest.raises(OutputError, match="exists"):
        write_output(output, b"second", replace=False)
    assert output.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["out"]


def test_a_replaced_file_leaves_its_permissions(picture_file, tmp_path):
    output = tmp_path / "out.ulb"
    output.write_bytes(b"old")
    output.chmod(0o640)
    assert run_here("encode", picture_file, "-o", output, "-q", 1, "--force").exit_code == 0
    assert stat.S_IMODE(output.stat().st_mode) == 0o640
    assert output.read_bytes() == package.encode(picture_file, 1)
