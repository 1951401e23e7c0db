"""The command as a user meets it, each call in its own process."""

from __future__ import annotations

import json
import shutil

import pytest
from PIL import Image
from support import run_here, ulbic

from ulbic.cli import doctor
from ulbic.codec.profiles import TINY


def test_encode_info_decode(picture_file, tmp_path):
    file, decoded = tmp_path / "a.ulb", tmp_path / "a.png"
    assert ulbic("encode", picture_file, "-o", file, "--index-mode", "1_16").returncode == 0
    account = json.loads(ulbic("info", file, "--json").stdout)
    assert (account["width"], account["height"], account["index_mode"]) == (96, 80, "1_16")
    assert account["file_bytes"] == file.stat().st_size
    assert ulbic("decode", file, "-o", decoded).returncode == 0
    assert Image.open(decoded).size == (96, 80)


def test_symbols_have_one_digest_on_every_machine(picture_file, tmp_path):
    ulbic("encode", picture_file, "-o", tmp_path / "a.ulb", "--verify")
    digest = json.loads(ulbic("info", tmp_path / "a.ulb", "--json", "--symbols").stdout)["symbols"]
    assert len(digest) == 64
    assert f"symbols     {digest}" in ulbic("info", tmp_path / "a.ulb", "--symbols").stdout


def test_partial_and_preview_decoding(picture_file, tmp_path):
    ulbic("encode", picture_file, "-o", tmp_path / "a.ulb")
    (tmp_path / "cut.ulb").write_bytes((tmp_path / "a.ulb").read_bytes()[:-20])
    assert ulbic("decode", "cut.ulb", cwd=tmp_path).returncode == 7
    partial = ulbic("decode", "cut.ulb", "--allow-partial", "-o", "p.png", cwd=tmp_path)
    assert partial.returncode == 0
    assert partial.stderr.startswith("ulbic: warning: the file is cut off or damaged: ")
    assert ulbic("decode", "a.ulb", "--preview", "-o", "q.png", cwd=tmp_path).returncode == 0
    assert Image.open(tmp_path / "p.png").size == Image.open(tmp_path / "q.png").size == (96, 80)


def test_info_tells_of_extras(tmp_path):
    Image.new("LA", (20, 20), (9, 100)).save(tmp_path / "a.png")
    assert ulbic("encode", "a.png", cwd=tmp_path).returncode == 0
    assert "extras      grey, alpha 1 bytes\n" in run_here("info", tmp_path / "a.ulb").stdout
    account = json.loads(run_here("info", tmp_path / "a.ulb", "--json").stdout)
    assert (account["grey"], account["chunks"]) == (True, {"alpha": 1})


def test_default_names_lie_beside_the_input(picture_file):
    assert ulbic("encode", picture_file).returncode == 0
    assert picture_file.with_suffix(".ulb").exists()


def test_demo_writes_its_three_files(tmp_path):
    result = ulbic("demo", "-q", 1, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "PSNR" in result.stdout
    again = run_here("demo", "-q", 1, "-o", tmp_path / "ulbic-demo", "--force", "--json")
    assert json.loads(again.stdout)["bytes"] == (tmp_path / "ulbic-demo" / "demo.ulb").stat().st_size
    assert sorted(p.name for p in (tmp_path / "ulbic-demo").iterdir()) == [
        "demo-decoded.png",
        "demo-side-by-side.png",
        "demo.ulb",
    ]


def test_doctor_finds_everything_in_order(bundle):
    result = run_here("doctor", "--json")
    assert result.exit_code == 0, result.stdout
    findings = {line["name"]: line for line in map(json.loads, result.stdout.splitlines())}
    assert {"ulbic", "python", "torch", "devices", "weights"} <= set(findings)
    assert findings["golden file"]["state"] == findings["round trip"]["state"] == "ok"
    assert f"SHA-256 {TINY.sha256}" in findings["weights"]["text"]


def test_doctor_says_what_is_wrong(monkeypatch, tmp_path):
    shutil.copytree(doctor.SELFTEST, tmp_path / "selftest")
    expected = tmp_path / "selftest" / "golden.json"
    expected.write_text(json.dumps(json.loads(expected.read_text()) | {"symbols": "0" * 64}))
    monkeypatch.setattr(doctor, "SELFTEST", tmp_path / "selftest")
    result = run_here("doctor")
    assert result.exit_code == 1
    assert "golden file FAILED: the symbols differ" in result.stdout
    assert result.stderr == "ulbic: not in order: golden file\n"


def damaged_ulb(folder):
    path = folder / "damaged.ulb"
    path.write_bytes(bytes.fromhex("d955101abc34ff05ff030102") + b"\0\0")
    return path


def future_ulb(folder):
    path = folder / "future.ulb"
    path.write_bytes(bytes.fromhex("d955201abc34ff05ff030102") + b"\0\0")
    return path


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (1, ["encode", "picture.png", "-o", "out.ulb", "--device", "abacus"]),
        (1, ["encode", "picture.png", "-o", "out.ulb", "--device", "cuda:99"]),
        (2, ["encode"]),
        (2, ["encode", "picture.png", "-q", "13"]),
        (2, ["encode", "picture.png", "-q", "3", "--target-bpp", "0.03"]),
        (2, ["encode", "picture.png", "--strict"]),
        (2, ["encode", "picture.png", "-o", "out.jpg"]),
        (2, ["encode", "picture.png", "-o", "out.HEIC"]),
        (2, ["decode", "damaged.ulb", "--resize", "0x5"]),
        (2, ["decode", "damaged.ulb", "--output-quality", "101"]),
        (9, ["decode", "damaged.ulb", "-o", "out.ulb"]),
        (3, ["encode", "missing.png", "-o", "out.ulb"]),
        (3, ["decode", "missing.ulb", "-o", "out.png"]),
        (3, ["info", "missing.ulb"]),
        (4, ["encode", "text.txt", "-o", "out.ulb"]),
        (5, ["decode", "picture.png", "-o", "out.png"]),
        (5, ["info", "text.txt"]),
        (6, ["decode", "future.ulb", "-o", "out.png"]),
        (7, ["decode", "damaged.ulb", "-o", "out.png"]),
        (10, ["decode", "damaged.ulb", "-o", "out.png", "--max-pixels", "1000"]),
        (9, ["encode", "picture.png", "-o", "nowhere/out.ulb"]),
        (9, ["encode", "picture.png", "-o", "text.txt"]),
        (9, ["decode", "damaged.ulb", "-o", "out.unknown"]),
        (9, ["decode", "damaged.ulb", "--format", "unknown"]),
        (9, ["demo", "-o", "text.txt/demo"]),
        (3, ["encode", "empty", "-o", "out"]),
        (3, ["encode", "*.jpg", "-o", "out"]),
        (9, ["encode", ".", "-o", "text.txt"]),
    ],
)
def test_errors_are_one_line_and_a_code(code, arguments, tmp_path, picture_file):
    (tmp_path / "text.txt").write_text("no picture")
    (tmp_path / "empty").mkdir()
    damaged_ulb(tmp_path)
    future_ulb(tmp_path)
    before = {p: p.is_file() and p.read_bytes() for p in tmp_path.iterdir()}
    result = ulbic(*arguments, cwd=tmp_path)
    assert result.returncode == code, result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    if code != 2:
        assert result.stderr.startswith("ulbic: ")
        assert result.stderr.count("\n") == 1
    assert {p: p.is_file() and p.read_bytes() for p in tmp_path.iterdir()} == before


def test_a_target_is_kept_and_a_strict_one_can_fail(picture_file, tmp_path):
    output = tmp_path / "small.ulb"
    assert ulbic("encode", picture_file, "-o", output, "--target-size", 100).stderr == ""
    assert output.stat().st_size <= 100
    strict = ulbic("encode", picture_file, "-o", output, "--force", "--target-bpp", 0.001, "--strict")
    assert strict.returncode == 12
    assert strict.stderr.startswith("ulbic: the smallest file of this picture has ")
    assert output.stat().st_size > 0
    floor = ulbic("encode", picture_file, "-o", output, "--force", "--target-bpp", 0.001)
    assert floor.returncode == 0
    assert floor.stderr.startswith("ulbic: warning: the smallest file of this picture has ")


def test_nothing_is_overwritten_without_force(picture_file, tmp_path):
    output = tmp_path / "kept.ulb"
    output.write_bytes(b"precious")
    assert ulbic("encode", picture_file, "-o", output).returncode == 9
    assert output.read_bytes() == b"precious"
    assert ulbic("encode", picture_file, "-o", output, "--force").returncode == 0
    assert output.read_bytes()[:2] == b"\xd9U"
