"""Whatever goes wrong is one line on stderr and an exit code of the README's table."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest
from support import run_here, synthetic_picture

import ulbic as package
from ulbic.cli.conversion import Outcome
from ulbic.cli.run import Manner, report
from ulbic.errors import PartialError

LONG = 300 * "x"


@pytest.fixture
def ulb_file(tmp_path):
    path = tmp_path / "picture.ulb"
    path.write_bytes(package.encode(synthetic_picture(48, 32), 1))
    return path


def shell(command, cwd, **environment):
    """A line of sh, in which $ULBIC is the command."""
    ulbic = {"ULBIC": f"{sys.executable} -m ulbic"}
    return subprocess.run(
        ["sh", "-c", command],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | ulbic | environment,
        check=False,
    )


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (3, ["encode", "missing.png"]),
        (4, ["encode", "picture.ulb.txt", "-o", "out.ulb"]),
        (9, ["encode", "picture.png", "-o", "picture.ulb"]),
        (7, ["decode", "cut.ulb"]),
        (3, ["info", "missing.ulb"]),
    ],
)
def test_json_tells_of_a_single_failure(code, arguments, picture_file, ulb_file, monkeypatch):
    monkeypatch.chdir(ulb_file.parent)
    with open("picture.ulb.txt", "w") as file:
        file.write("no picture")
    with open("cut.ulb", "wb") as file:
        file.write(ulb_file.read_bytes()[:-9])
    result = run_here(*arguments, "--json")
    assert result.exit_code == code
    told = json.loads(result.stdout)
    assert (told["input"], told["status"], told["exit_code"]) == (arguments[1], "failed", code)
    assert told["error"]
    assert arguments[1] in result.stderr or "picture.ulb" in result.stderr
    assert (result.stderr.startswith("ulbic: "), result.stderr.count("\n")) == (True, 1)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
@pytest.mark.parametrize(
    "command",
    [
        "$ULBIC info picture.ulb > /dev/full",
        "$ULBIC info --json picture.ulb > /dev/full",
        "$ULBIC --help > /dev/full",
        "$ULBIC encode --help > /dev/full",
        "$ULBIC decode picture.ulb --preview -o - > /dev/full",
        "$ULBIC decode picture.ulb --preview --json > /dev/full",
    ],
)
def test_a_full_disk_is_one_line(command, ulb_file):
    result = shell(command, ulb_file.parent)
    assert result.returncode == 9, result.stderr
    assert result.stderr.startswith("ulbic: cannot write ")
    assert result.stderr.endswith("No space left on device\n")
    assert result.stderr.count("\n") == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_a_full_device_is_one_line(ulb_file):
    result = run_here("decode", ulb_file, "-o", "/dev/full")
    assert (result.exit_code, result.stderr) == (
        9,
        "ulbic: cannot write '/dev/full': No space left on device\n",
    )


@pytest.mark.skipif(os.name != "posix", reason="a shell of POSIX")
@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        ("$ULBIC encode - -o out.ulb <&-", 3, "ulbic: stdin is closed\n"),
        ("$ULBIC decode - -o out.png <&-", 3, "ulbic: stdin is closed\n"),
        ("$ULBIC decode picture.ulb --preview -o - >&-", 9, "ulbic: cannot write to stdout: it is closed\n"),
        ("$ULBIC info picture.ulb >&-", 0, ""),
        ("$ULBIC info missing.ulb 2>&-", 3, ""),
        ("$ULBIC decode picture.ulb --preview -o out.png <&- >&- 2>&-", 0, ""),
    ],
)
def test_closed_streams(command, code, told, ulb_file):
    result = shell(command, ulb_file.parent)
    assert (result.returncode, result.stderr) == (code, told)


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (9, ["encode", LONG]),
        (3, ["encode", LONG, "-o", "out.ulb"]),
        (9, ["encode", "picture.png", "-o", LONG]),
        (9, ["encode", "picture.png", "-o", f"{LONG}/"]),
        (3, ["decode", LONG, "-o", "out.png"]),
        (9, ["decode", "picture.ulb", "-o", f"{LONG}.png"]),
        (9, ["decode", 250 * "x" + ".ulb"]),
        (3, ["info", LONG]),
        (9, ["demo", "-o", LONG]),
    ],
)
def test_names_that_are_too_long(code, arguments, picture_file, ulb_file, monkeypatch):
    monkeypatch.chdir(ulb_file.parent)
    (ulb_file.parent / (250 * "x" + ".ulb")).write_bytes(ulb_file.read_bytes())
    result = run_here(*arguments)
    assert result.exit_code in (code, 11), result.output
    assert "File name too long" in result.stderr


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "0", "-1"])
def test_targets_are_numbers(value, picture_file):
    result = run_here("encode", picture_file, "--target-bpp", value)
    assert result.exit_code == 2, result.output
    assert os.listdir(picture_file.parent) == ["picture.png"]


INTERRUPTED = """
import builtins, os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
real = builtins.__import__
def interrupting(name, *rest, **more):
    if name == sys.argv[-1]:
        sys.argv.pop()
        builtins.__import__ = real
        os.kill(os.getpid(), signal.SIGINT)
    return real(name, *rest, **more)
builtins.__import__ = interrupting
import ulbic.__main__
ulbic.__main__.main()
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("module", ["click", "gc", "PIL", "torch", "numpy"])
def test_an_interrupt_while_starting_is_one_line(module, picture_file):
    command = [sys.executable, "-c", INTERRUPTED, "encode", str(picture_file), module]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (130, "", "ulbic: interrupted\n")
    assert os.listdir(picture_file.parent) == ["picture.png"]


@pytest.mark.skipif(sys.platform != "linux", reason="limits are those of Linux")
@pytest.mark.parametrize("megabytes", [300, 600, 900])
def test_an_address_space_limit_is_one_line(megabytes, picture_file):
    command = f"ulimit -v {megabytes * 1024}; $ULBIC encode picture.png -o out.ulb"
    result = shell(command, picture_file.parent, OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    assert (result.returncode, result.stderr) == (1, "ulbic: out of memory\n")
    assert os.listdir(picture_file.parent) == ["picture.png"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "out of memory"),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:1] . DefaultCPUAllocator: can't allocate memory"),
            None,
        ),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB\nmore"), None),
        (KeyError("x"), "KeyError: 'x' (a fault of ulbic)"),
    ],
)
def test_what_nobody_foresaw_is_one_line(error, told, picture_file, monkeypatch):
    from ulbic.codec import api

    def encode(*_, **__):
        raise error

    monkeypatch.setattr(api, "encode_with", encode)
    for arguments in ([picture_file], [picture_file.parent]):
        result = run_here("encode", *arguments)
        assert result.exit_code in (1, 11)
        assert f"{told or 'out of memory'}\n" in result.stderr
        assert "Traceback" not in result.stderr


def test_lines_come_as_the_files_do(capsys):
    def outcomes():
        yield Outcome(input="a.png", output="a.ulb", status="done", output_bytes=7)
        assert capsys.readouterr().err == "ulbic: 1/3 a.png: a.ulb, 7 bytes\n"
        yield Outcome(input="b.png", output="b.ulb", status="failed", error="bad", exit_code=4)
        assert capsys.readouterr().err == "ulbic: 2/3 b.png: bad\n"
        yield Outcome(input="c.png", output="c.ulb", status="skipped", reason="exists")
        assert capsys.readouterr().err == "ulbic: 3/3 c.png: skipped, exists\n"

    with pytest.raises(PartialError):
        report(outcomes(), 3, Manner(force=False, jobs=1, as_json=False, quiet=False))


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_ending_a_run_with_jobs_leaves_no_warnings_and_no_children(tmp_path):
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    for i in range(24):
        synthetic_picture(160, 128, i).save(photos / f"{i:02}.png")
    command = [sys.executable, "-m", "ulbic", "encode", photos, "-o", out, "-j", "2"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        first = process.stderr.readline()
        assert first.startswith("ulbic: 1/24 ")
        process.send_signal(signal.SIGTERM)
        lines = process.stderr.read().splitlines()
    assert process.returncode == 143
    assert lines[-1] == "ulbic: terminated"
    assert all(line.startswith("ulbic: ") and " bytes" in line for line in lines[:-1])
    with contextlib.suppress(ProcessLookupError):
        for _ in range(500):  # what only watches over the others ends after them
            os.killpg(process.pid, 0)
            time.sleep(0.01)
        pytest.fail("something of it still runs")
    assert not list(out.glob("*.part"))
    assert not list(out.glob(".*.part"))
