"""Public checkpoint layouts come in whole, and what is none is refused. Toy sizes, synthetic files."""

from __future__ import annotations

import argparse
import pickle

import pytest
import torch
from safetensors.torch import save_file
from support import toy_base_config

from ulbic.errors import InputError, WeightsError
from ulbic.models.adapters import SOURCES
from ulbic.models.adapters.reading import read_public
from ulbic.models.config import PUBLIC_SOURCES
from ulbic.models.model import UlbicModel

TOY = toy_base_config()


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return UlbicModel(TOY)


@pytest.fixture(params=PUBLIC_SOURCES)
def source(request):
    return SOURCES[request.param]


def public(source, model):
    """A checkpoint of `model` in the layout of `source`, everything unused zero."""
    state, keys = model.state_dict(), source.keys(TOY)
    tensors = {name: torch.zeros(shape) for name, shape in source.public_shapes(TOY).items()}
    for name, (ours, _) in keys.items():
        value = state[ours]
        if name.endswith((".beta", ".gamma")):  # stored as square roots above a pedestal
            value = (value + 2.0**-36).sqrt()
        tensors[name] = value.clone()
    return tensors


def assert_converted(source, model, path):
    converted = source.convert(read_public(path), TOY)
    assert converted
    for key, value in converted.items():
        torch.testing.assert_close(value, model.state_dict()[key], rtol=1e-6, atol=1e-6)
    return converted


def test_every_public_source_has_its_adapter():
    assert tuple(SOURCES) == PUBLIC_SOURCES


@pytest.mark.parametrize("wrapper", [None, "state_dict", "model"])
def test_pickles_come_back_bare_or_wrapped(source, model, wrapper, tmp_path):
    content = public(source, model)
    if wrapper:
        arguments = argparse.Namespace(lr=1.0)
        content = {wrapper: content, "epoch": 3, "optimizer": {"state": {}}, "args": arguments}
    torch.save(content, tmp_path / "m.pth")
    assert_converted(source, model, tmp_path / "m.pth")


@pytest.mark.parametrize("prefix", ["module.", "model."])
def test_safetensors_with_prefixes_come_back(source, model, prefix, tmp_path):
    save_file({prefix + k: v for k, v in public(source, model).items()}, tmp_path / "m.safetensors")
    assert_converted(source, model, tmp_path / "m.safetensors")


def test_old_names_of_the_entropy_bottleneck(model, tmp_path):
    tensors = public(SOURCES["mlicpp"], model)
    for old, new in (("_matrix", "matrices."), ("_bias", "biases."), ("_factor", "factors.")):
        for i in range(5 if old != "_factor" else 4):
            tensors[f"entropy_bottleneck.{old}{i}"] = tensors.pop(f"entropy_bottleneck.{new}{i}")
    torch.save({"state_dict": tensors}, tmp_path / "m.pth.tar")
    assert "continuous.prior.matrices.0" in assert_converted(SOURCES["mlicpp"], model, tmp_path / "m.pth.tar")


def test_a_vit_without_its_tokenizer_leaves_the_tokenizer_out(model, tmp_path):
    tensors = {k: v for k, v in public(SOURCES["mage-vit"], model).items() if not k.startswith("vqgan.")}
    torch.save({"model": tensors}, tmp_path / "m.pth")
    converted = assert_converted(SOURCES["mage-vit"], model, tmp_path / "m.pth")
    assert not any(key.startswith("tokenizer.") for key in converted)


def test_unknown_missing_and_misshapen_keys_are_named(source, model):
    tensors = public(source, model)
    used = next(iter(source.keys(TOY)))
    with pytest.raises(WeightsError, match="'surprise' unknown"):
        source.convert(tensors | {"surprise": torch.zeros(1)}, TOY)
    with pytest.raises(WeightsError, match=f"{used!r}.* missing"):
        source.convert({k: v for k, v in tensors.items() if k != used}, TOY)
    with pytest.raises(WeightsError, match=f"{used!r}.* of another size"):
        source.convert(tensors | {used: torch.zeros(1, 2)}, TOY)


def test_the_older_generation_of_mlicpp_is_refused(model):
    old = public(SOURCES["mlicpp"], model) | {"lrp_anchor.0.lrp_transform.6.weight": torch.zeros(1)}
    with pytest.raises(WeightsError, match="2023"):
        SOURCES["mlicpp"].convert(old, TOY)


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_code_in_a_pickle_is_refused_and_not_run(tmp_path):
    sign = tmp_path / "exploded"
    torch.save({"state_dict": {"a": torch.zeros(1)}, "bomb": Bomb(sign)}, tmp_path / "new.pth")
    torch.save({"bomb": Bomb(sign)}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Bomb(sign)))
    for name in ("new.pth", "old.pth", "plain.pth"):
        with pytest.raises(WeightsError):
            read_public(tmp_path / name)
    assert not sign.exists()


def test_what_is_no_checkpoint_is_refused(tmp_path):
    with pytest.raises(InputError):
        read_public(tmp_path / "none.pth")
    (tmp_path / "text.pth").write_text("hello")
    (tmp_path / "empty.pth").write_bytes(b"")
    (tmp_path / "text.safetensors").write_text("hello")
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"state_dict": {}}, tmp_path / "nothing.pth")
    for name in ("text.pth", "empty.pth", "text.safetensors", "list.pth", "nothing.pth"):
        with pytest.raises(WeightsError):
            read_public(tmp_path / name)
