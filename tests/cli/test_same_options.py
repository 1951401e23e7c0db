"""Command line, Python and Pillow have the same settings, by the same names, and they do the same."""

from __future__ import annotations

import contextlib
import inspect
import io
from dataclasses import MISSING, fields

import click
import pytest
from PIL import Image, ImageCms
from support import run_here, synthetic_picture

import ulbic as package
from ulbic.cli.main import cli
from ulbic.codec.api import symbol_digest
from ulbic.codec.settings import DecodeSettings, EncodeSettings

FILES = "the library takes and gives bytes and pictures, and writes no files"
MANY = "the library does one picture a call"
SHOWN = "what is printed; the library returns values"
ONLY_ON_THE_COMMAND_LINE = {
    "encode": {
        **dict.fromkeys(("output", "output_name", "force"), FILES),
        **dict.fromkeys(("jobs", "update", "dry_run"), MANY),
        **dict.fromkeys(("as_json", "quiet", "verbose"), SHOWN),  # verbose: the logger "ulbic"
    },
    "decode": {
        **dict.fromkeys(("output", "output_name", "force"), FILES),
        **dict.fromkeys(("given", "output_quality"), "of the picture that is saved: picture.save of Pillow"),
        "resize": "picture.thumbnail of Pillow",
        **dict.fromkeys(("jobs", "update", "dry_run"), MANY),
        **dict.fromkeys(("as_json", "quiet", "verbose"), SHOWN),
    },
    "info": {"as_json": SHOWN, "symbols": "a function of its own, symbol_digest"},
    "compare": {
        **dict.fromkeys(("output", "as_difference", "force"), FILES),
        "names": "which columns of the table; in Python each metric is a function",
        **dict.fromkeys(("as_json", "verbose"), SHOWN),
    },
}


def parameters(kind):
    """The settings of a dataclass, or the keywords of a function, with their defaults."""
    if inspect.isfunction(kind):
        given = inspect.signature(kind).parameters.values()
        return {one.name: one.default for one in given if one.kind is one.KEYWORD_ONLY}
    assert all(field.default is not MISSING for field in fields(kind))
    return {field.name: field.default for field in fields(kind)}


def viewed(**settings):
    """What `compare` may ask of the decoder: the pictures that others see are decoded in no other way."""
    return {name: settings[name] for name in ("device", "weights")}


IN_PYTHON = {
    "encode": parameters(EncodeSettings),
    "decode": parameters(DecodeSettings),
    "info": parameters(symbol_digest),
    "compare": viewed(**parameters(DecodeSettings)),
}


def command(verb):
    return cli.get_command(click.Context(cli), verb)


def options(verb):
    return {param.name: param for param in command(verb).params if isinstance(param, click.Option)}


def words(settings):
    """The settings as options."""
    pairs = ((f"--{name.replace('_', '-')}", value) for name, value in settings.items())
    return [word for option, value in pairs for word in ([option] if value is True else [option, value])]


@pytest.mark.parametrize("verb", IN_PYTHON)
def test_every_option_is_a_setting_of_the_library_or_declared_to_be_none(verb):
    own = ONLY_ON_THE_COMMAND_LINE[verb]
    assert set(options(verb)) == set(IN_PYTHON[verb]) | set(own)
    assert not set(IN_PYTHON[verb]) & set(own)


@pytest.mark.parametrize("verb", IN_PYTHON)
def test_settings_have_one_default_and_the_option_is_called_as_the_setting(verb):
    given = command(verb).make_context(verb, ["a.png", "b.png"]).params
    assert {name: given[name] for name in IN_PYTHON[verb]} == IN_PYTHON[verb]
    for name in IN_PYTHON[verb]:
        assert f"--{name.replace('_', '-')}" in options(verb)[name].opts


def test_docstrings_of_the_library_name_every_setting():
    for function, kind in ((package.encode, EncodeSettings), (package.decode, DecodeSettings)):
        assert [
            name for name in parameters(kind) if f"`{name}`" not in function.__doc__ and name != "quality"
        ] == []


def profiled_picture():
    picture = synthetic_picture(64, 48)
    exif = Image.Exif()
    exif[0x010E] = "a title"
    picture.info |= {
        "icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        "exif": exif.tobytes(),
    }
    return picture


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"quality": 2},
        {"target_size": 90},
        {"target_bpp": 0.2, "strict": True},
        {"index_mode": "1_4", "verify": True},
        {"quality": 3, "effort": 1},
        {"quality": 3, "roi": "8,8,20,20:2"},
        {"keep_icc": True, "keep_metadata": True},
        {"model": "tiny", "device": "cpu"},
    ],
    ids=lambda settings: "-".join(settings) or "default",
)
def test_whoever_asks_gets_the_same_file(settings, tmp_path):
    source, output, buffer = tmp_path / "a.png", tmp_path / "a.ulb", io.BytesIO()
    picture = profiled_picture()
    picture.save(source, icc_profile=picture.info["icc_profile"], exif=picture.info["exif"])
    assert run_here("encode", source, *words(settings)).exit_code == 0
    with Image.open(source) as opened:
        opened.save(buffer, "ULB", **settings)
    assert output.read_bytes() == package.encode(source, **settings) == buffer.getvalue()


@pytest.mark.parametrize("settings", [{}, {"preview": True}, {"allow_partial": True, "max_pixels": 64 * 48}])
def test_whoever_asks_gets_the_same_picture(settings, tmp_path):
    source, output = tmp_path / "a.ulb", tmp_path / "a.png"
    data = package.encode(synthetic_picture(64, 48), 1)
    source.write_bytes(data[:-4] if "allow_partial" in settings else data)
    assert run_here("decode", source, "-o", output, *words(settings)).exit_code == 0
    partial = "allow_partial" in settings
    with pytest.warns(UserWarning, match="cut off") if partial else contextlib.nullcontext():
        picture = package.decode(source, **settings)
    with Image.open(output) as written:
        assert written.tobytes() == picture.tobytes()
    if not settings:
        with Image.open(source) as opened:
            assert opened.tobytes() == picture.tobytes()
