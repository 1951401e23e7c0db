"""`--output-name`: templates, what they refuse, and what they must not overwrite."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from support import run_here, synthetic_picture

import ulbic as package
from ulbic.cli.plan import batch_tasks
from ulbic.cli.template import Template


@pytest.fixture(autouse=True)
def photos(tmp_path, monkeypatch):
    """Two pictures in a tree, which is the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos" / "sub").mkdir(parents=True)
    for i, name in enumerate(("photos/a.png", "photos/sub/b.tar.jpg")):
        synthetic_picture(48, 32, i).save(name)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("out/{stem}{suffix}", ["out/a.ulb", "out/b.tar.ulb"]),
        ("out/{tree}/{name}.ulb", ["out/a.png.ulb", "out/sub/b.tar.jpg.ulb"]),
        ("{parent}/{stem}-q{quality}{suffix}", ["photos/a-q5.ulb", "photos/sub/b.tar-q5.ulb"]),
        ("{{{stem}}}.ulb", ["{a}.ulb", "{b.tar}.ulb"]),
    ],
)
def test_what_results_are_called(text, expected):
    tasks = batch_tasks(("photos",), None, ".ulb", lambda path: True, Template(text, {"quality": "5"}))
    assert [str(task.output) for task in tasks] == expected


def test_values_are_taken_as_they_are():
    template = Template("{stem}-{model}.ulb", {"model": "{stem}"})
    assert template.path(Path("{name}.png"), Path(), ".ulb") == Path("{name}-{stem}.ulb")


@pytest.mark.parametrize(
    "text", ["{size}", "{}", "{0}", "{stem:9}", "{stem!r}", "{stem.x}", "{stem", "a}", "o/"]
)
def test_what_is_no_template_is_refused(text):
    with pytest.raises(click.UsageError, match="--output-name"):
        Template(text, {})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ["--output-name", "{stem}-{size}.ulb"],
            "no field {size}; there are parent, tree, stem, name, suffix",
        ),
        (["--output-name", "all.ulb"], "would both become all.ulb"),
        (["--output-name", "{stem}.jpg"], "has a picture's suffix"),
        (["--output-name", "-"], "'-' stands for a single file"),
        (["--output-name", "{stem}.ulb", "-o", "out"], "exclude each other"),
        (["--output-name", "{quality}/{stem}.ulb", "--target-bpp", "0.03"], "no field {quality}"),
    ],
)
def test_wrong_usage_writes_nothing(photos, options, words):
    before = sorted(photos.rglob("*"))
    result = run_here("encode", "photos", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert sorted(photos.rglob("*")) == before


def test_an_input_is_never_the_result():
    result = run_here("encode", "photos", "--output-name", "{parent}/{name}", "--force")
    assert result.exit_code == 9
    assert "it is an input" in result.stderr


def test_templates_there_and_back(photos):
    named = ["--output-name", "q{quality}/{stem}{suffix}"]
    assert run_here("encode", "photos/a.png", *named, "-q", 2).exit_code == 0
    assert (photos / "q2" / "a.ulb").read_bytes() == package.encode("photos/a.png", 2)
    again = run_here("encode", "photos/a.png", *named, "-q", 2)
    assert "1 skipped because they exist" in again.stderr
    decoded = run_here("decode", "q2/a.ulb", "--output-name", "{parent}/{stem}-small.jpg", "--resize", "8x8")
    assert decoded.exit_code == 0
    assert (photos / "q2" / "a-small.jpg").read_bytes().startswith(b"\xff\xd8\xff")
    refused = run_here("decode", "q2", "--output-name", "{stem}.unknown")
    assert refused.exit_code == 9
    assert "no picture format has the suffix '.unknown'" in refused.stderr
