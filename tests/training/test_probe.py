"""Probing, few-shot and fine-tuning: settings, optimiser, what they can tell apart, and the commands."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from support import toy_config

from ulbic.codec.tables import export_tables
from ulbic.errors import InputError, OutputError, UlbicError, WeightsError
from ulbic.models.checkpoint import save_checkpoint
from ulbic.models.model import UlbicModel
from ulbic.training.__main__ import cli
from ulbic.training.classes import open_classes
from ulbic.training.features import centre_features, labels_of, make_extractor, view_features
from ulbic.training.few_shot import FewShotConfig, classify
from ulbic.training.fine_tune import Classifier, FineTuneConfig
from ulbic.training.judgement import Judgement
from ulbic.training.lars import Lars
from ulbic.training.probe import LinearProbe, ProbeConfig, probe, schedule


@pytest.fixture(scope="module")
def classes_folder(tmp_path_factory):
    """Dark and light pictures."""
    folder, rng = tmp_path_factory.mktemp("classes"), np.random.default_rng(0)
    for name, lowest in (("dark", 10), ("light", 180)):
        (folder / name).mkdir()
        for i in range(8):
            pixels = rng.integers(lowest, lowest + 60, (8, 8, 3)).astype(np.uint8)
            Image.fromarray(pixels).resize((64, 64)).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    torch.manual_seed(0)
    model = UlbicModel(toy_config())
    path = tmp_path_factory.mktemp("weights") / "toy.safetensors"
    save_checkpoint(path, model, export_tables(model), torch.float32)
    return path


def toy_model():
    torch.manual_seed(0)
    return UlbicModel(toy_config()).eval().requires_grad_(False)


def train(*arguments):
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_settings_are_those_of_the_paper():
    probing, tune = ProbeConfig(), FineTuneConfig()
    assert (probing.base_rates, probing.weight_decay, probing.momentum) == ((0.1,), 0, 0.9)
    assert (probing.batch, probing.warmup, probing.epochs) == (4096, 10, 90)
    assert (tune.base_rate, tune.weight_decay, tune.betas) == (2.5e-4, 0.05, (0.9, 0.999))
    assert (tune.layer_decay, tune.batch, tune.warmup, tune.epochs) == (0.65, 1024, 5, 100)
    assert (tune.label_smoothing, tune.mixup, tune.cutmix, tune.drop_path) == (0.1, 0.8, 1.0, 0.1)
    assert tune.randaug == (2, 9)
    assert FewShotConfig().shots == (1, 5, 10, 25)


def test_the_rate_warms_up_and_falls_to_nothing():
    assert [schedule(e, 10, 90) for e in (0, 5, 10, 50, 90)] == pytest.approx([0, 0.5, 1, 0.5, 0])


def test_lars_moves_a_matrix_by_a_share_of_its_length_and_a_vector_plainly():
    matrix = torch.nn.Parameter(torch.tensor([[3.0, 4.0]]))
    vector = torch.nn.Parameter(torch.tensor([1.0]))
    optimizer = Lars([matrix, vector], lr=2.0, momentum=0.5)
    for _ in range(2):
        matrix.grad, vector.grad = torch.tensor([[0.0, 7.0]]), torch.tensor([0.1])
        optimizer.step()
    lengths = 5.0, float(torch.tensor([3.0, 3.99]).norm())
    expected = 4.0 - 2 * 0.001 * (lengths[0] + 0.5 * lengths[0] + lengths[1])
    assert matrix.tolist()[0] == pytest.approx([3.0, expected])
    assert vector.item() == pytest.approx(1 - 2 * (0.1 + 0.15))


def test_the_probe_normalises_without_weights():
    network = LinearProbe(8, 3)
    assert sorted(name for name, _ in network.named_parameters()) == ["1.bias", "1.weight"]
    assert network(5 + torch.randn(16, 8)).shape == (16, 3)
    assert float(network[0].running_mean.mean()) > 0.3


def test_features_are_means_without_the_class_token(classes_folder):
    model = toy_model()
    pictures = open_classes(classes_folder).held_out
    x = torch.rand(2, 3, 256, 256)
    extractor = make_extractor("predictor", model)
    indices = model.tokenizer.indices(x)
    encoded = model.predictor.encode(indices, torch.zeros_like(indices, dtype=torch.bool))
    torch.testing.assert_close(extractor(x), encoded[:, 1:].mean(dim=1))
    features = centre_features(extractor, pictures, "cpu")
    assert features.shape == (4, 32)
    assert not torch.equal(features, centre_features(make_extractor("random", model), pictures, "cpu"))
    views = [view_features(extractor, pictures, "cpu", (0, turn), 0.08) for turn in (0, 0, 1)]
    assert torch.equal(views[0], views[1])
    assert not torch.equal(views[0], views[2])


def test_a_histogram_counts_codes():
    model = toy_model()
    histogram = make_extractor("histogram", model)(torch.rand(2, 3, 256, 256))
    assert histogram.shape == (2, 64)
    torch.testing.assert_close(histogram.sum(dim=1), torch.ones(2))


def test_regression_tells_apart_what_a_line_does():
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(60) % 3
    centres = torch.randn(3, 5, generator=generator) * 4
    points = centres[labels] + torch.randn(60, 5, generator=generator)
    assert torch.equal(classify(points[:30], labels[:30], points[30:], 3, 0.01), labels[30:])
    constant = torch.cat([points, torch.ones(60, 1)], dim=1)
    constant[30:, 5] = 9.0  # what never varied in training says nothing
    assert torch.equal(classify(constant[:30], labels[:30], constant[30:], 3, 0.01), labels[30:])


def test_a_judgement_counts_what_was_taken_for_what():
    judgement = Judgement.of(("a", "b"), torch.tensor([0, 0, 0, 1]), torch.tensor([0, 1, 0, 1]))
    assert judgement.confusion.tolist() == [[2, 1], [0, 1]]
    assert (judgement.top1, judgement.chance) == (0.75, 0.75)


def test_fine_tuning_moves_the_encoder_deep_layers_less():
    network = Classifier(toy_model().predictor, 3, drop_path=0.2)
    groups = network.groups(FineTuneConfig())
    scales = sorted({group["scale"] for group in groups})
    assert scales == pytest.approx([0.65**2, 0.65, 1.0])  # embeddings, the block, norm and head
    grouped = {id(p) for group in groups for p in group["params"]}
    trained = {id(p) for p in network.parameters() if p.requires_grad}
    assert grouped == trained
    assert not any(p.requires_grad for p in network.predictor.decoder_blocks.parameters())
    decays = {group["weight_decay"] for group in groups for p in group["params"] if p.ndim < 2}
    assert decays == {0.0}
    network(torch.randint(64, (4, 16, 16))).square().sum().backward()
    still = [n for n, p in network.named_parameters() if p.requires_grad and not p.grad.any()]
    assert still == []


@pytest.mark.parametrize("features", ["predictor", "random", "histogram"])
def test_probe_tells_dark_from_light(features, classes_folder, tmp_path):
    options = ("--output", tmp_path, "--features", features, "--device", "cpu")
    result = train("probe", classes_folder, *options, "--views", 1, "--batch", 4, "--rate", 50)
    assert result.exit_code == 0, result.output
    line = (
        f"probe-{features}: top-1 100.0% of 4 held-out pictures in 2 classes (the most frequent class: 50.0%)"
    )
    assert result.output == line + "\n"
    account = json.loads((tmp_path / f"probe-{features}.json").read_text())
    assert (account["top1"], account["classes"]) == (1.0, ["dark", "light"])
    assert account["confusion"] == [[2, 0], [0, 2]]
    with Image.open(tmp_path / f"probe-{features}.png") as picture:
        assert picture.format == "PNG"


def test_of_several_rates_the_one_that_suits_kept_back_pictures_is_taken(classes_folder):
    config = ProbeConfig(base_rates=(-50.0, 50.0, 60.0), views=1, batch=4)  # downhill is uphill for the first
    classes, extractor = open_classes(classes_folder), make_extractor("histogram", toy_model())
    judgement, rate = probe(extractor, classes, config, "cpu")
    assert (judgement.top1, rate) == (1.0, 50.0)
    with pytest.raises(InputError, match="9 training pictures are too few"):
        probe(extractor, replace(classes, training=classes.training[:9]), config, "cpu")


def test_several_rates_want_views_that_are_kept(classes_folder):
    result = train("probe", classes_folder, "--rate", 1, "--rate", 2)
    assert result.exit_code == 2
    assert "several rates want --views" in result.output


def test_few_shot_and_fine_tune_write_their_results(classes_folder, weights, tmp_path):
    common = (classes_folder, "--weights", weights, "--output", tmp_path, "--device", "cpu")
    result = train("few-shot", *common, "--shots", 1, "--shots", 3, "--draws", 2)
    assert result.exit_code == 0, result.output
    assert [line.split(":")[0] for line in result.output.splitlines()] == [
        "few-shot-1-predictor",
        "few-shot-3-predictor",
    ]
    account = json.loads((tmp_path / "few-shot-3-predictor.json").read_text())
    assert account["shots"] == 3
    assert np.sum(account["confusion"]) == 8  # 4 held-out pictures, 2 draws
    result = train("fine-tune", *common, "--epochs", 1, "--batch", 4)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("fine-tune: top-1 ")
    assert np.sum(json.loads((tmp_path / "fine-tune.json").read_text())["confusion"]) == 4


def test_bad_input_is_named_before_anything_is_loaded(tmp_path, classes_folder):
    with pytest.raises(InputError, match="no folder"):
        train("probe", tmp_path / "nowhere")
    with pytest.raises(InputError, match="no two class folders"):
        train("few-shot", tmp_path)
    with pytest.raises(WeightsError, match="no weights at"):
        train("fine-tune", classes_folder, "--weights", tmp_path / "none.safetensors")
    with pytest.raises(UlbicError, match="no device 'abacus'"):
        train("probe", classes_folder, "--device", "abacus")
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_is_no_folder_is_refused_before_the_work(tmp_path, classes_folder, weights):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(OutputError, match="cannot write into"):
        train("few-shot", classes_folder, "--weights", weights, "--output", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "precious"


def test_labels_go_with_their_pictures(classes_folder):
    assert labels_of(open_classes(classes_folder).held_out).tolist() == [0, 0, 1, 1]
