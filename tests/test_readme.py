"""README's Python examples run as they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image
from support import synthetic_picture

README = (Path(__file__).resolve().parents[1] / "README.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_there_are_examples_and_the_page_stays_short():
    assert len(EXAMPLES) == 2
    assert len(README.splitlines()) <= 200


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.split("\n")[-2][:40])
def test_example(example, tmp_path, monkeypatch, capsys):
    synthetic_picture(96, 64).save(tmp_path / "photo.jpg")
    shown = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Image.Image, "show", lambda picture: shown.append(picture.size))
    exec(compile(example, "README.md", "exec"), {})
    assert shown == [(96, 64)] or 0 < float(capsys.readouterr().out) < 1
