"""Manifests, and a real run on a local Ray runtime where Ray is installed."""

from __future__ import annotations

import json

import pytest
from support import run_here, synthetic_picture, ulbic

import ulbic as package
from ulbic.cli.encode_batch import Encoder, read_manifest
from ulbic.codec.settings import EncodeSettings
from ulbic.errors import InputError


@pytest.fixture
def manifest(tmp_path):
    """Two pictures and one that is missing."""
    for i in range(2):
        synthetic_picture(48, 32, i).save(tmp_path / f"{i}.png")
    path = tmp_path / "manifest.jsonl"
    rows = [
        {"input": "0.png", "output": "out/0.ulb"},
        {"input": "missing.png", "output": "out/missing.ulb"},
        {"input": "1.png", "output": "out/1.ulb", "quality": 1},
    ]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    return path


def test_paths_start_at_the_manifest(manifest, tmp_path):
    rows = read_manifest(manifest)
    assert rows[2] == {
        "input": str(tmp_path / "1.png"),
        "output": str(tmp_path / "out" / "1.ulb"),
        "quality": 1,
    }
    assert rows[0]["quality"] is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no lines"),
        ("input,output\n", "line 1: not an object"),
        ('{"input": "a.png"}', "line 1: not an object"),
        ("3", "line 1: not an object"),
        ('{"input": "a", "output": "c"}\n{"input": "b", "output": "c"}', "line 2: 'c' is the output of two"),
    ],
)
def test_what_is_no_manifest_is_refused(text, message, tmp_path):
    path = tmp_path / "manifest.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_manifest(path)
    result = run_here("encode-batch", path, "-o", tmp_path / "out.jsonl")
    assert (result.exit_code, result.stdout) == (3, "")
    assert not (tmp_path / "out.jsonl").exists()


def test_only_results_are_replaced(manifest):
    before = manifest.read_bytes()
    result = run_here("encode-batch", manifest, "-o", manifest)
    assert (result.exit_code, result.stderr.count("\n")) == (9, 1)
    assert manifest.read_bytes() == before


def test_an_actor_answers_for_each_picture(manifest):
    encoder = Encoder(EncodeSettings(quality=3), force=False)
    outcomes = [json.loads(encoder(row)["outcome"]) for row in read_manifest(manifest)]
    assert [outcome["status"] for outcome in outcomes] == ["done", "failed", "done"]
    assert package.info(outcomes[2]["output"]).gain == 0


def test_a_wrong_effort_is_refused_before_anything_is_read(tmp_path):
    result = run_here("encode-batch", tmp_path / "missing.jsonl", "-o", tmp_path / "out.jsonl", "--effort", 4)
    assert (result.exit_code, "--effort" in result.stderr) == (2, True)


def test_an_actor_takes_the_effort_that_was_asked_for(tmp_path):
    synthetic_picture(64, 48).save(tmp_path / "picture.png")
    for effort in (0, 1):
        output = str(tmp_path / f"{effort}.ulb")
        row = {"input": str(tmp_path / "picture.png"), "output": output, "quality": 4}
        assert (
            json.loads(Encoder(EncodeSettings(effort=effort), force=False)(row)["outcome"])["exit_code"] == 0
        )
    assert (tmp_path / "0.ulb").read_bytes() != (tmp_path / "1.ulb").read_bytes()


def test_a_manifest_over_ray_and_again(manifest, tmp_path):
    pytest.importorskip("ray.data", reason="needs Ray Data: pip install 'ulbic[ray]'")
    results = tmp_path / "results.jsonl"
    first = ulbic("encode-batch", manifest, "-o", results, "-q", 2)
    assert first.returncode == 11, first.stderr
    assert "ulbic: 1 of 3 files failed" in first.stderr
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    assert [line["status"] for line in lines] == ["done", "failed", "done"]
    assert [line["exit_code"] for line in lines] == [0, 3, 0]
    assert (package.info(lines[0]["output"]).gain, package.info(lines[2]["output"]).gain) == (1, 0)

    synthetic_picture(16, 16).save(tmp_path / "missing.png")
    second = ulbic("encode-batch", manifest, "-o", results, "-q", 2, "--quiet")
    assert second.returncode == 0
    assert "done (" not in second.stderr
    lines = [json.loads(line) for line in results.read_text().splitlines()]
    assert [line["status"] for line in lines] == ["skipped", "done", "skipped"]
