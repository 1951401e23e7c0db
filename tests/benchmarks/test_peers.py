"""Every peer that is there: a picture goes in, a file comes out, and the picture of its size comes back."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image
from support import synthetic_picture

from ulbic.benchmarks.metrics import psnr
from ulbic.benchmarks.peers import CODECS, UnavailableError
from ulbic.benchmarks.peers.compressai_zoo import ZooCodec
from ulbic.benchmarks.peers.vvc import _from_y4m, _to_yuv420

CONVENTIONAL = [name for name in CODECS if name != "ulbic" and not name.startswith("compressai")]


def usable(name):
    try:
        CODECS[name].version()
    except UnavailableError as error:
        pytest.skip(str(error))
    return CODECS[name]


@pytest.mark.parametrize("name", CONVENTIONAL)
@pytest.mark.parametrize("size", [(96, 80), (35, 51)])
def test_round_trip(name, size):
    codec = usable(name)
    picture = synthetic_picture(*size)
    smallest, largest = (codec.encode(picture, codec.settings[i]) for i in (0, -1))
    decoded = [codec.decode(data) for data in (smallest, largest)]
    assert len(smallest) < len(largest)
    assert all(d.size == size and d.mode == "RGB" for d in decoded)
    assert 15 < psnr(picture, decoded[0]) < psnr(picture, decoded[1])


def test_our_own_codec_is_pinned_by_code_and_weights(tmp_path):
    codec = usable("ulbic")
    (tmp_path / "other.safetensors").write_bytes(b"other weights")
    assert codec.version() == codec.version()
    assert type(codec)(tmp_path / "other.safetensors").version() != codec.version()
    assert codec.decode(codec.encode(synthetic_picture(64, 48), 1)).size == (64, 48)


def test_effort_makes_another_file_under_another_key():
    plain, annealed = type(usable("ulbic"))(), type(usable("ulbic"))(effort=1)
    picture = synthetic_picture(64, 48)
    assert annealed.version() == f"{plain.version()}, effort 1"
    assert annealed.encode(picture, 4) != plain.encode(picture, 4)


def test_a_zoo_model_round_trip_with_random_weights():
    codec = ZooCodec("bmshj2018-factorized", "untrained", (1,), pretrained=False)
    picture = synthetic_picture(70, 50)
    data = codec.encode(picture, 1)
    assert data[:9].hex() == "01" + "0032" + "0046" + "0004" + "0008"  # quality, 50 x 70, latents of 64 x 128
    assert codec.decode(data).size == (70, 50)


def test_missing_weights_make_a_peer_unavailable_in_one_line(monkeypatch):
    import torch.hub

    def no_network(*_, **__):
        raise OSError("no\nnetwork")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", no_network)
    monkeypatch.setattr("compressai.zoo.image.load_state_dict_from_url", no_network)
    with pytest.raises(UnavailableError, match=r"^its weights cannot be loaded \(no network\)$"):
        ZooCodec("mbt2018", "x", (1,)).version()


def test_a_missing_program_makes_vvc_unavailable(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(UnavailableError, match="vvencapp is not on the PATH"):
        CODECS["vvc"].version()


def test_the_way_to_vvc_and_back_keeps_a_smooth_picture():
    picture = synthetic_picture(64, 48)
    planes = _to_yuv420(picture, 64, 48)
    assert len(planes) == 2 * (64 * 48 * 3 // 2)
    back = _from_y4m(b"YUV4MPEG2 W64 H48 F1:1 C420p10\nFRAME\n" + planes)
    assert psnr(picture, back) > 33
    grey = Image.new("RGB", (4, 4), (77, 77, 77))
    assert np.unique(np.frombuffer(_to_yuv420(grey, 4, 4), "<u2")).tolist() == [77 * 4, 128 * 4]
