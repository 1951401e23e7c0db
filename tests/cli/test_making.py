"""`ulbic generate`, `inpaint`, `outpaint` and `uncrop` as a user meets them, on toy weights."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from support import run_here, synthetic_picture, toy_config

from ulbic.codec.tables import export_tables
from ulbic.models.checkpoint import save_checkpoint
from ulbic.models.class_decoder import ClassDecoder, fitting_config
from ulbic.models.class_weights import ClassWeights, encoder_tag, save_class_weights
from ulbic.models.model import UlbicModel


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with toy weights, class weights for them and for others, a picture, and masks."""
    folder = tmp_path_factory.mktemp("made")
    torch.manual_seed(0)
    model = UlbicModel(toy_config())
    save_checkpoint(folder / "toy.safetensors", model, export_tables(model), torch.float32)
    decoder = ClassDecoder(replace(fitting_config("tiny", toy_config().predictor, 2), width=32, depth=2))
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    tag = encoder_tag(model.predictor)
    save_class_weights(folder / "classes.safetensors", ClassWeights(decoder, ("ant", "bee"), tag))
    save_class_weights(folder / "others.safetensors", ClassWeights(decoder, ("ant", "bee"), "0" * 12))
    synthetic_picture(96, 80).save(folder / "photo.png")
    Image.new("L", (96, 80)).save(folder / "black.png")
    Image.new("L", (80, 96), 255).save(folder / "turned.png")
    mask = np.zeros((80, 96), np.uint8)
    mask[17, 33] = mask[20, 50] = 255
    Image.fromarray(mask).save(folder / "mask.png")
    (folder / "text.txt").write_text("no picture")
    return folder


def run(folder, verb, *arguments):
    paths = [folder / a if "." in str(a) else a for a in arguments]
    return run_here(verb, *paths, "--weights", folder / "toy.safetensors", "--device", "cpu", "--steps", 2)


def test_generate_follows_its_seed_and_numbers_its_files(made):
    assert run(made, "generate", "-o", "a.png").exit_code == 0
    assert run(made, "generate", "-o", "n.png", "-n", 2).exit_code == 0
    pictures = [Image.open(made / name).tobytes() for name in ("a.png", "n-1.png", "n-2.png")]
    assert Image.open(made / "a.png").size == (256, 256)
    assert pictures[0] == pictures[1] != pictures[2]
    assert run(made, "generate", "-o", "b.png", "--seed", 1).exit_code == 0
    assert Image.open(made / "b.png").tobytes() == pictures[2]
    again = run(made, "generate", "-o", "n.png", "-n", 2)
    assert (again.exit_code, again.stderr.count("\n")) == (9, 1)


def test_a_grid_has_all_of_them(made):
    assert run(made, "generate", "-o", "three.png", "-n", 3, "--grid").exit_code == 0
    with Image.open(made / "three.png") as sheet:
        assert sheet.size == (516, 516)
        assert sheet.getpixel((400, 400)) == (255, 255, 255)


def test_classes_make_a_difference_and_rows_of_the_grid(made):
    options = ("--class-weights", "classes.safetensors", "--seed", 5)
    for name, label in (("ant.png", "ant"), ("zero.png", 0), ("bee.png", "bee")):
        assert run(made, "generate", "-o", name, "--class", label, *options).exit_code == 0
    ant, zero, bee = (Image.open(made / name).tobytes() for name in ("ant.png", "zero.png", "bee.png"))
    assert ant == zero != bee
    both = run(made, "generate", "-o", "both.png", "--class", 0, "--class", 1, "-n", 2, "--grid", *options)
    assert both.exit_code == 0, both.output
    with Image.open(made / "both.png") as sheet:
        assert sheet.crop((0, 0, 256, 256)).tobytes() == ant
        assert sheet.crop((0, 260, 256, 516)).tobytes() == bee


def test_a_mask_is_the_squares_that_it_touches(made):
    assert run(made, "inpaint", "photo.png", "--mask", "mask.png", "-o", "masked.png").exit_code == 0
    box = ("--box", 32, 16, 64, 32)
    assert run(made, "inpaint", "photo.png", *box, "-o", "boxed.png").exit_code == 0
    assert Image.open(made / "masked.png").tobytes() == Image.open(made / "boxed.png").tobytes()
    assert Image.open(made / "masked.png").size == (96, 80)


def test_outpainting_grows_and_uncropping_does_not(made):
    grown = run(made, "outpaint", "photo.png", "--right", 32, "--top", 16, "-o", "grown.png")
    assert grown.exit_code == 0, grown.output
    assert Image.open(made / "grown.png").size == (128, 96)
    assert run(made, "uncrop", "photo.png", "--box", 16, 16, 64, 64, "-o", "same.jpg").exit_code == 0
    with Image.open(made / "same.jpg") as picture:
        assert (picture.format, picture.size) == ("JPEG", (96, 80))


def test_transparency_is_left_out_with_a_note(made):
    Image.new("RGBA", (64, 64), (90, 90, 200, 40)).save(made / "clear.png")
    with warnings.catch_warnings():
        warnings.simplefilter("always")  # as in a process of its own
        result = run(made, "inpaint", "clear.png", "--box", 0, 0, 16, 16, "-o", "opaque.png")
    assert (result.exit_code, result.stderr) == (0, "ulbic: note: the transparency is left out\n")
    assert Image.open(made / "opaque.png").mode == "RGB"


@pytest.mark.parametrize(
    ("code", "words", "arguments"),
    [
        (2, "no class 'wasp'", ["generate", "--class", "wasp", "--class-weights", "classes.safetensors"]),
        (2, "no class '2'", ["generate", "--class", "2", "--class-weights", "classes.safetensors"]),
        (2, "go together", ["generate", "--class", "ant"]),
        (2, "go together", ["generate", "--class-weights", "classes.safetensors"]),
        (8, "another encoder", ["generate", "--class", "ant", "--class-weights", "others.safetensors"]),
        (8, "no class weights", ["generate", "--class", "ant", "--class-weights", "none.safetensors"]),
        (8, "not a file of class", ["generate", "--class", "ant", "--class-weights", "toy.safetensors"]),
        (2, "80 x 96 pixels", ["inpaint", "photo.png", "--mask", "turned.png"]),
        (2, "black all over", ["inpaint", "photo.png", "--mask", "black.png"]),
        (3, "none.png", ["inpaint", "photo.png", "--mask", "none.png"]),
        (4, "text.txt", ["inpaint", "photo.png", "--mask", "text.txt"]),
        (2, "no part of the picture", ["inpaint", "photo.png", "--box", 0, 0, 97, 16]),
        (2, "no part of the picture", ["inpaint", "photo.png", "--box", 16, 16, 16, 32]),
        (2, "no part of the picture", ["uncrop", "photo.png", "--box", 0, 64, 16, 81]),
        (2, "no whole square", ["uncrop", "photo.png", "--box", 1, 1, 31, 31]),
        (3, "none.png", ["uncrop", "none.png", "--box", 0, 0, 16, 16]),
        (4, "text.txt", ["outpaint", "text.txt", "--left", 16]),
        (10, "more than", ["outpaint", "photo.png", "--left", 65535, "--top", 65535]),
        (2, "give --left", ["outpaint", "photo.png"]),
        (2, "either --box or --mask", ["inpaint", "photo.png"]),
        (2, "seed", ["generate", "--seed", "-1"]),
        (2, "finite", ["generate", "--temperature", "nan"]),
        (2, "empty", ["inpaint", "", "--box", 0, 0, 16, 16]),
    ],
)
def test_bad_input_gets_a_line_and_a_code_and_leaves_nothing(made, code, words, arguments):
    before = sorted(made.iterdir())
    result = run(made, *arguments, "-o", "never.png")
    assert result.exit_code == code, result.output
    assert words in result.stderr
    if not result.stderr.startswith("Usage:"):
        assert result.stderr.startswith("ulbic: ")
        assert result.stderr.count("\n") == 1
    assert sorted(made.iterdir()) == before


@pytest.mark.parametrize("name", ["photo.png", "mask.png"])
def test_an_input_is_never_written_over(made, name):
    before = (made / name).read_bytes()
    result = run(made, "inpaint", "photo.png", "--mask", "mask.png", "--force", "-o", name)
    assert (result.exit_code, "it is the input" in result.stderr) == (9, True)
    assert (made / name).read_bytes() == before


def test_models_are_chosen_by_name(made):
    result = run_here("generate", "--model", "huge", "-o", made / "never.png")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "'huge'" in result.stderr


def test_outputs_are_checked_before_the_work(made):
    (made / "kept.png").write_bytes(b"precious")
    for name, words in (("kept.png", "exists"), ("nowhere/a.png", "no folder"), ("a.unknown", "suffix")):
        result = run_here("generate", "-o", made / name, "--weights", made / "none.safetensors")
        assert (result.exit_code, result.stderr.count("\n")) == (9, 1)
        assert words in result.stderr
    assert (made / "kept.png").read_bytes() == b"precious"


@pytest.mark.parametrize("verb", ["generate", "inpaint", "outpaint", "uncrop"])
def test_help_says_what_the_bundled_weights_cannot_do(verb):
    words = " ".join(run_here(verb, "--help").stdout.split())
    assert "trained for decoding" in words
    assert "cannot make up" in words
