"""`ulbic bench`; the measuring itself is tested in tests/benchmarks."""

from __future__ import annotations

import subprocess
import sys
import warnings

import pytest
from click.testing import CliRunner
from support import synthetic_picture

from ulbic.cli.main import cli


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a picture, a text and folders."""
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # the command replaces it
    monkeypatch.chdir(tmp_path)
    synthetic_picture(96, 80).save("picture.png")
    (tmp_path / "text.txt").write_text("no picture")
    (tmp_path / "empty").mkdir()
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / "report.html").write_text("earlier results")
    return tmp_path


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (1, ["--bpp-curve", "picture.png", "--codec", "jpeg", "--anchor", "vvc"]),
        (2, []),
        (2, ["--bpp-curve", "--codec", "abacus"]),
        (2, ["--bpp-curve", "--anchor", "abacus"]),
        (3, ["--bpp-curve", "empty"]),
        (3, ["--bpp-curve", "missing.png"]),
        (4, ["--bpp-curve", "text.txt"]),
        (9, ["--bpp-curve", "picture.png", "-o", "text.txt/out"]),
        (9, ["--bpp-curve", "picture.png", "-o", "done"]),
    ],
)
def test_errors_are_one_line_and_a_code(code, arguments, folder):
    result = CliRunner().invoke(cli, ["bench", *arguments])
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    if code != 2:
        assert result.stderr.startswith("ulbic: ")
        assert result.stderr.count("\n") == 1
    assert (folder / "done" / "report.html").read_text() == "earlier results"
    assert not (folder / "ulbic-bench").exists()


def test_what_cannot_be_measured_gets_a_line_and_the_exit_code_says_partial(folder):
    synthetic_picture(8, 8).save(folder / "tiny.png")
    (folder / "corrupt.png").write_bytes((folder / "picture.png").read_bytes()[:200])
    command = [sys.executable, "-m", "ulbic", "bench", "--bpp-curve", ".", "empty"]
    options = ["--codec", "ulbic", "--codec", "jpeg", "-o", "out"]
    result = subprocess.run([*command, *options], capture_output=True, text=True, check=False)
    assert result.returncode == 11, result.stderr
    assert "Traceback" not in result.stderr
    assert "leaked" not in result.stderr
    for line in (
        "ulbic: no pictures in 'empty'",
        "ulbic: 'corrupt.png' is a damaged picture: ",
        "ulbic: tiny.png has no MS-SSIM, ",
        "ulbic: not everything could be measured: 4 lines above",
    ):
        assert line in result.stderr
    assert "BD-rate against JPEG" in result.stdout
    rows = (folder / "out" / "results.csv").read_text().splitlines()
    assert len(rows) == 1 + 2 * (12 + 6)
    assert (folder / "out" / "report.html").exists()
