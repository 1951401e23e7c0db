"""Stage `class-decoder`: what it moves, how it resumes, the file that it leaves."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from support import toy_config

from ulbic.codec.tables import export_tables
from ulbic.models import class_decoder
from ulbic.models.checkpoint import save_checkpoint
from ulbic.models.class_weights import encoder_tag, load_class_weights
from ulbic.models.model import UlbicModel
from ulbic.training.__main__ import cli
from ulbic.training.class_decoder_stage import CONFIGS, bind_class_decoder
from ulbic.training.classes import Labelled
from ulbic.training.loop import Budget, train
from ulbic.training.predictor_stage import masked_loss

CONFIG = replace(CONFIGS["tiny"], amp=False, batch=2)


class EndsAt(Budget):
    """Stops after so many steps, without a schedule that depends on them."""

    def __init__(self, steps):
        super().__init__(steps, None)

    def progress(self, step, elapsed):
        return 1.0 if step >= self.steps else 0.5


def toy_model():
    torch.manual_seed(0)
    return UlbicModel(toy_config())


def toy_decoder():
    torch.manual_seed(1)
    config = class_decoder.fitting_config("tiny", toy_config().predictor, 3)
    return class_decoder.ClassDecoder(replace(config, width=32, depth=2))


def batches(step):
    generator = torch.Generator().manual_seed(3)
    while True:
        batch = Labelled(torch.rand(2, 3, 256, 256, generator=generator), torch.tensor([0, 2]))
        if step <= 0:
            yield batch
        step -= 1


def test_settings_are_those_of_pre_training():
    assert (CONFIGS["base"].batch, CONFIGS["base"].learning_rate) == (4096, 1.5e-4)
    assert (CONFIGS["base"].label_smoothing, CONFIGS["base"].mask_ratio_max) == (0.1, 1.0)


def test_steps_move_the_decoder_alone_and_a_resumed_run_ends_alike(tmp_path):
    def run(folder, steps, seed=0):
        model, decoder = toy_model(), toy_decoder()
        task = bind_class_decoder(model, decoder, CONFIG)
        torch.manual_seed(seed)
        train(task.state, task.parameters, task.loss, batches, CONFIG, EndsAt(steps), folder)
        for key, value in toy_model().state_dict().items():
            assert torch.equal(model.state_dict()[key], value)
        return decoder.state_dict()

    unbroken = run(tmp_path / "a", 2)
    run(tmp_path / "b", 1)
    resumed = run(tmp_path / "b", 2, seed=9)
    start = toy_decoder().state_dict()
    for key, value in unbroken.items():
        torch.testing.assert_close(resumed[key], value, rtol=0, atol=1e-7)
    still = {key for key, value in unbroken.items() if torch.equal(value, start[key])}
    assert not still - {"decoder_blocks.1.cross.norm.weight", "decoder_blocks.1.cross.norm_context.weight"}


def test_the_decoder_learns_what_a_class_looks_like():
    """Where all is masked, only the label tells of which code the picture is made."""
    predictor, decoder, labels = toy_model().predictor.eval(), toy_decoder(), torch.tensor([0, 2])
    wanted = torch.tensor([5, 9])[:, None].expand(-1, 256)
    masked = torch.ones(2, 16, 16, dtype=torch.bool)
    words = predictor.token_emb.word_embeddings.weight.detach()
    encoded = predictor.encode(torch.zeros(2, 16, 16, dtype=torch.long), masked).detach()
    optimizer = torch.optim.Adam(decoder.parameters(), 1e-2)
    for _ in range(25):
        logits = decoder(encoded, masked, labels, words)
        optimizer.zero_grad()
        masked_loss(logits, wanted.reshape(2, 16, 16), masked, 0.0)[0].backward()
        optimizer.step()
    for label, code in ((0, 5), (2, 9)):
        guess = class_decoder.ClassPredictor(predictor, decoder, label)(masked[:1].long(), masked[:1])
        assert guess.argmax(dim=2).unique().tolist() == [code]


@pytest.fixture
def folder(tmp_path):
    for name in ("ant", "bee"):
        (tmp_path / "classes" / name).mkdir(parents=True)
        for i in range(2):
            Image.new("RGB", (30, 30), (90 * i, 50, 50)).save(tmp_path / "classes" / name / f"{i}.png")
    model = toy_model()
    save_checkpoint(tmp_path / "toy.safetensors", model, export_tables(model), torch.float32)
    return tmp_path


def test_the_command_leaves_a_file_that_names_its_classes(folder):
    arguments = ["class-decoder", folder / "classes", "--weights", folder / "toy.safetensors"]
    arguments += ["--steps", 1, "--batch", 2, "--output", folder / "run", "--device", "cpu"]
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    path = folder / "run" / "class-decoder" / "classes.safetensors"
    assert result.output == f"{path}\n"
    loaded = load_class_weights(path)
    assert loaded.names == ("ant", "bee")
    assert loaded.encoder == encoder_tag(toy_model().predictor)
    assert loaded.decoder.config.width == 152


def test_the_command_wants_steps_or_seconds(folder):
    result = CliRunner().invoke(cli, ["class-decoder", str(folder / "classes")])
    assert result.exit_code == 2
    assert "either --steps or --seconds" in result.output


@pytest.mark.parametrize("wrong", [("--steps", 0), ("--seconds", 0), ("--steps", 1, "--batch", 0)])
def test_nothing_to_learn_is_wrong_usage(folder, wrong):
    result = CliRunner().invoke(cli, ["class-decoder", str(folder / "classes"), *map(str, wrong)])
    assert result.exit_code == 2
    assert "is not in the range" in result.output
