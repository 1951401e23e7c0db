"""`--verbose`: what is decided, a line each on stderr."""

from __future__ import annotations

import re

import pytest
from support import run_here, synthetic_picture, ulbic

from ulbic.codec import bundle
from ulbic.codec.profiles import TINY

NUMBER = re.compile(r"\d+\.\d\d s")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """One picture in the current folder."""
    monkeypatch.chdir(tmp_path)
    synthetic_picture(48, 32).save("a.png")
    return tmp_path


def lines(*arguments):
    result = run_here(*arguments)
    assert result.exit_code == 0, result.stderr
    return [NUMBER.sub("N s", line) for line in result.stderr.splitlines() if ": loaded in " not in line]


def test_a_rate_search_tells_of_what_it_tries(here):
    told = lines("encode", "a.png", "-v", "--target-size", 60)
    size = (here / "a.ulb").stat().st_size
    assert told[:2] == ["ulbic: a.png: 48 x 32 pixels analysed in N s", "ulbic: a.png: a budget of 60 bytes"]
    assert told[-1] == f"ulbic: a.png: {size} bytes for a.ulb in N s"
    tried = [
        re.fullmatch(r"ulbic: a.png: gain (\S+), index mode (\S+): (\d+) bytes", line) for line in told[2:-1]
    ]
    assert all(tried)
    assert str(size) in {match[3] for match in tried}


def test_decoding_tells_of_the_file(here):
    lines("encode", "a.png", "-q", 6, "--index-mode", "1_16")
    told = lines("decode", "a.ulb", "--verbose")
    assert re.fullmatch(r"ulbic: a.ulb: gain 5, index mode 1_16: \d+ bytes of payload", told[0])
    assert told[1] == "ulbic: a.ulb: the picture painted in N s"


def test_without_it_nothing_is_told(here):
    lines("encode", "a.png", "-q", 1, "-v")
    assert lines("encode", "a.png", "-q", 1, "--force") == []


def test_other_processes_tell_as_well(here):
    synthetic_picture(48, 32, 1).save("b.png")
    result = ulbic("encode", "a.png", "b.png", "-q", 1, "-v", "-j", 2, "--device", "cpu")
    assert result.returncode == 0, result.stderr
    for name in ("a.png", "b.png"):
        assert f"ulbic: {name}: gain 0, index mode 0: " in result.stderr


def test_quiet_and_verbose_exclude_each_other(here):
    result = run_here("encode", "a.png", "-v", "--quiet")
    assert result.exit_code == 2
    assert not (here / "a.ulb").exists()


def test_the_model_and_its_place_are_told(caplog):
    bundle._load_profile.cache_clear()
    with caplog.at_level("INFO", logger="ulbic"):
        bundle.load_bundle(TINY, "cpu")
    (told,) = caplog.messages
    place = r"in \S+tiny\.safetensors, on cpu \(threads: \d+\): loaded in \d+\.\d\d s"
    assert re.fullmatch(rf"model tiny, weights {TINY.tag:03x} {place}", told)
