"""The bundled model among CompressAI's: its own evaluation command runs it, on real files."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from compressai import zoo
from compressai.registry import MODELS
from compressai.utils.eval_model import __main__ as evaluation
from PIL import Image
from support import synthetic_picture

import ulbic
from ulbic.benchmarks import eval_model
from ulbic.benchmarks.likelihoods import likelihoods
from ulbic.benchmarks.metrics import psnr
from ulbic.benchmarks.zoo_model import ARCHITECTURE, ZooModel, register
from ulbic.bitstream.container import read_container
from ulbic.codec.api import encode_with
from ulbic.codec.decoder import decode_symbols
from ulbic.codec.encoder import analyse_picture, encode_features
from ulbic.codec.profiles import RatePoint
from ulbic.codec.settings import EncodeSettings
from ulbic.errors import SettingsError, WeightsError

WIDE, TALL = (256, 192), (192, 256)  # multiples of 64, which CompressAI does not pad


def tensor(picture):
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255


def pixels(x_hat):
    return Image.fromarray((x_hat[0] * 255).round().byte().permute(1, 2, 0).numpy())


@pytest.fixture(scope="module")
def model():
    register()
    return zoo.image_models[ARCHITECTURE](quality=6, metric="mse", pretrained=True, progress=False)


@pytest.fixture(scope="module")
def pictures():
    return [synthetic_picture(*WIDE, seed) for seed in (1, 2)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures")
    synthetic_picture(*WIDE, 1).save(path / "a.png")
    synthetic_picture(*TALL, 2).save(path / "b.png")
    return path


def evaluate(capsys, *arguments):
    eval_model.main([str(argument) for argument in arguments])
    return json.loads(capsys.readouterr().out)["results"]


def test_its_own_command_reports_the_bytes_of_real_files(folder, tmp_path, capsys):
    arguments = (folder, "-a", ARCHITECTURE, "-q", "1,6", "-d", tmp_path, "--per-image")
    results = evaluate(capsys, "pretrained", *arguments)
    files = {q: [ulbic.encode(folder / name, q, device="cpu") for name in ("a.png", "b.png")] for q in (1, 6)}
    expected = [sum(8 * len(data) / (256 * 192) for data in files[q]) / 2 for q in (1, 6)]
    assert results["bpp"] == pytest.approx(expected, abs=1e-12)
    decoded = [
        psnr(Image.open(folder / name), ulbic.decode(files[1][i]))
        for i, name in enumerate(("a.png", "b.png"))
    ]
    assert results["psnr-rgb"][0] == pytest.approx(sum(decoded) / 2, abs=1e-4)
    one = json.loads((tmp_path / f"b-{ARCHITECTURE}-mse-6-ans.json").read_text())
    assert one["results"]["bpp"] == 8 * len(files[6][1]) / (256 * 192)


def test_inference_pads_and_crops(model):
    picture = synthetic_picture(200, 170)
    result = evaluation.inference(model, tensor(picture)[0])
    padded = Image.new("RGB", (256, 192))
    padded.paste(picture, ((256 - 200) // 2, (192 - 170) // 2))
    data = ulbic.encode(padded, 6, device="cpu")
    assert result["bpp"] == 8 * len(data) / (200 * 170)
    decoded = ulbic.decode(data, device="cpu").crop((28, 11, 228, 181))
    assert result["psnr-rgb"] == pytest.approx(psnr(picture, decoded), abs=1e-4)


def test_a_batch_is_so_many_files(model, pictures):
    coded = model.compress(torch.cat([tensor(picture) for picture in pictures]))
    assert coded["strings"] == [[ulbic.encode(picture, 6, device="cpu") for picture in pictures]]
    assert coded["shape"] == (6, 8)
    x_hat = model.decompress(**coded)["x_hat"]
    assert [pixels(x) for x in x_hat.split(1)] == [
        ulbic.decode(data, device="cpu") for data in coded["strings"][0]
    ]


def test_likelihoods_add_up_to_the_file(model, pictures):
    with torch.no_grad():
        seen = model(tensor(pictures[0]))
    bits = {name: -float(p.double().log2().sum()) for name, p in seen["likelihoods"].items()}
    assert {name: tuple(p.shape) for name, p in seen["likelihoods"].items()} == {
        "y": (1, 96, 6, 8),
        "z": (1, 48, 2, 2),
        "indices": (1, 0),
    }
    data = ulbic.encode(pictures[0], 6, device="cpu")
    coded = encode_with(pictures[0], EncodeSettings(quality=6, device="cpu"))
    assert sum(bits.values()) == pytest.approx(coded.ideal_bits, rel=0.02)  # the coder rounds the scales
    assert coded.data == data
    assert pixels(seen["x_hat"]) == ulbic.decode(data, device="cpu")


@pytest.mark.parametrize("mode", ["1_4", "1_1"])
def test_likelihoods_of_sent_indices_add_up_to_their_bits(bundle, pictures, mode):
    features = analyse_picture(bundle, pictures[0])
    files = [encode_features(bundle, features, RatePoint(3, m)) for m in ("0", mode)]
    symbols = decode_symbols(bundle, read_container(files[1].data))
    seen = likelihoods(bundle, features, symbols)["indices"]
    assert seen.shape == (1, {"1_4": 48, "1_1": 192}[mode])
    added = files[1].ideal_bits - files[0].ideal_bits
    assert -float(seen.log2().sum()) == pytest.approx(added, abs=1e-6)


def test_entropy_estimation_takes_pictures_as_they_are(model):
    result = evaluation.inference_entropy_estimation(model, tensor(synthetic_picture(200, 170))[0])
    assert 0.03 < result["bpp"] < 0.2


def test_a_state_keeps_its_quality_and_its_files(model, pictures):
    again = ZooModel.from_state_dict(model.state_dict())
    assert not again.update()
    assert again.update(force=True)  # as the command does with checkpoints; the tables come out the same
    coded = again.compress(tensor(pictures[0]))
    assert coded["strings"] == [[ulbic.encode(pictures[0], 6, device="cpu")]]


def test_another_state_has_files_of_its_own(model, pictures):
    state = {name: value.clone() for name, value in model.state_dict().items()}
    state["tables.index_frequencies"] = torch.cat([torch.ones(1023), torch.tensor([65536.0 - 1023])]).int()
    other = ZooModel.from_state_dict(state)
    coded = other.compress(tensor(pictures[0]))
    assert other.decompress(**coded)["x_hat"].shape == (1, 3, 192, 256)
    assert (
        ulbic.info(coded["strings"][0][0]).model
        != ulbic.info(model.compress(tensor(pictures[0]))["strings"][0][0]).model
    )
    with pytest.raises(WeightsError, match="made with weights 15:"):
        model.decompress(**coded)
    with pytest.raises(RuntimeError, match="Missing key"):
        other.load_state_dict({})


def test_the_command_takes_a_checkpoint(model, folder, tmp_path, capsys):
    torch.save(model.state_dict(), tmp_path / "state.pth.tar")
    results = evaluate(capsys, "checkpoint", folder, "-a", ARCHITECTURE, "-p", tmp_path / "state.pth.tar")
    sizes = [len(ulbic.encode(folder / name, 6, device="cpu")) for name in ("a.png", "b.png")]
    assert results["bpp"] == [pytest.approx(8 * sum(sizes) / (2 * 256 * 192), abs=1e-12)]


def test_half_precision_changes_no_byte(pictures):
    half = ZooModel(6, pretrained=True).half()
    coded = half.compress(tensor(pictures[0]).half())
    assert coded["strings"] == [[ulbic.encode(pictures[0], 6, device="cpu")]]
    assert half.decompress(**coded)["x_hat"].dtype == torch.float16


def test_a_random_model_reads_its_own_files(pictures):
    torch.manual_seed(0)
    random = zoo.image_models[ARCHITECTURE](quality=1)
    coded = random.compress(tensor(pictures[0]))
    assert random.decompress(**coded)["x_hat"].shape == (1, 3, 192, 256)
    assert ulbic.info(coded["strings"][0][0]).model != "tiny"


def test_it_is_in_registry_and_zoo(model):
    assert MODELS["ulbic-tiny"] is evaluation.architectures["ulbic-tiny"] is ZooModel
    assert zoo.models["ulbic-tiny"] is evaluation.pretrained_models["ulbic-tiny"]
    assert next(model.parameters()).device == torch.device("cpu")
    assert math.isclose(float(model.aux_loss()), 0.0)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("-q", "13"), 2, "Error: quality 13 is not one of 1 to 12, as model 'tiny' has them"),
        (("-q", "low"), 1, "Error: invalid literal for int() with base 10: 'low'"),
    ],
)
def test_wrong_usage_is_one_line(folder, capsys, arguments, code, message):
    with pytest.raises(SystemExit) as caught:
        eval_model.main(["pretrained", str(folder), "-a", ARCHITECTURE, *arguments])
    assert caught.value.code == code
    assert capsys.readouterr().err.splitlines() == [message]


def test_pictures_have_three_channels(model):
    with pytest.raises(ValueError, match=r"\(B, 3, H, W\), not \(1, 1, 8, 8\)"):
        model.compress(torch.zeros(1, 1, 8, 8))
    with pytest.raises(SettingsError):
        ZooModel(0)
