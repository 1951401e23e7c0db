"""`ulbic weights` as a user meets it."""

from __future__ import annotations

import torch
from click.testing import CliRunner
from support import toy_config

from ulbic.cli.main import cli
from ulbic.codec.profiles import TINY
from ulbic.models import config
from ulbic.models.checkpoint import load_checkpoint
from ulbic.models.model import UlbicModel


def ulbic(*arguments):
    return CliRunner().invoke(cli, [str(a) for a in arguments])


def test_list_shows_the_bundled_model():
    result = ulbic("weights", "list")
    assert result.exit_code == 0
    assert result.output.split()[:2] == ["1", "tiny"]


def test_a_ranking_is_installed_beside_the_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    path = TINY.find_ranking()
    assert ulbic("weights", "install", path).exit_code == 0
    assert (tmp_path / "ulbic/weights/tiny-ranking.safetensors").read_bytes() == path.read_bytes()


def test_the_bundled_weights_are_sound():
    result = ulbic("weights", "verify")
    assert result.exit_code == 0
    assert result.output.strip().endswith(": sound")


def test_verify_refuses_what_is_not_a_weight_file(tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(b"no")
    for name in ("bad.safetensors", "none.safetensors"):
        result = ulbic("weights", "verify", tmp_path / name)
        assert result.exit_code == 8
        assert result.output.count("\n") == 1


def test_convert_writes_a_file_that_verifies(tmp_path, monkeypatch):
    monkeypatch.setitem(config.PRESETS, "base", toy_config())
    torch.manual_seed(1)
    tokenizer = UlbicModel(toy_config()).tokenizer.state_dict()
    torch.save({"state_dict": tokenizer}, tmp_path / "vqgan.ckpt")
    output = tmp_path / "base.safetensors"
    result = ulbic("weights", "convert", "--from", "mage-vqgan", tmp_path / "vqgan.ckpt", "-o", output)
    assert result.exit_code == 0, result.output
    assert "from none of the files, untrained: continuous, bridge, predictor" in result.output
    converted = load_checkpoint(output).model.tokenizer.state_dict()
    assert all(torch.equal(converted[key], value) for key, value in tokenizer.items())
    assert ulbic("weights", "verify", output).exit_code == 0

    again = ulbic("weights", "convert", "--from", "mage-vqgan", tmp_path / "vqgan.ckpt", "-o", output)
    assert again.exit_code == 9


def test_what_cannot_be_converted_leaves_no_file(tmp_path):
    (tmp_path / "text.ckpt").write_text("hello")
    for name, code in (("none.ckpt", 3), ("text.ckpt", 8)):
        output = tmp_path / "out.safetensors"
        result = ulbic("weights", "convert", "--from", "mlicpp", tmp_path / name, "-o", output)
        assert result.exit_code == code
        assert result.output.startswith("ulbic: ")
        assert sorted(p.name for p in tmp_path.iterdir()) == ["text.ckpt"]


def test_encode_and_decode_take_weights_by_file(picture_file, tmp_path):
    missing = ulbic("encode", picture_file, "--weights", tmp_path / "none.safetensors")
    assert missing.exit_code == 8
    assert not picture_file.with_suffix(".ulb").exists()
