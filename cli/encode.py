"""`ulbic encode`."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import click

from ulbic.codec.settings import EncodeSettings

from .arguments import NAME, PositiveNumber
from .conversion import Converted
from .options import (
    conversion_options,
    index_mode_option,
    keep_icc_option,
    keep_metadata_option,
    model_option,
    quality_option,
    roi_option,
    settings_of,
)
from .run import Manner, run


@click.command("encode")
@click.argument("pictures", nargs=-1, required=True, type=NAME)
@click.option(
    "-o",
    "--output",
    type=NAME,
    help="File, folder, or - for stdout. Default: beside each picture, with the suffix .ulb.",
)
@quality_option
@click.option(
    "--target-size",
    type=int,
    metavar="BYTES",
    help="The best file of at most so many bytes, instead of a quality.",
)
@click.option("--target-bpp", type=PositiveNumber(), metavar="X", help="The same in bits per pixel.")
@click.option("--strict", is_flag=True, help="Fail where even the smallest file is above the target.")
@roi_option
@index_mode_option
@keep_icc_option
@keep_metadata_option
@click.option("--verify", is_flag=True, help="Decode the symbols again before reporting success.")
@model_option
@conversion_options
def command(
    pictures: tuple[str, ...],
    output: str | None,
    jobs: int,
    force: bool,
    update: bool,
    as_json: bool,
    quiet: bool,
    **settings: Any,
) -> None:
    """Compress PICTURES (any format that Pillow reads) to .ulb files.

    A picture may also be - for stdin, a folder, or a pattern. Several, or a folder, go into the folder
    OUTPUT, in the same tree; results that are there already are skipped.
    """
    converter = functools.partial(encode_file, settings_of(EncodeSettings, settings))
    run(converter, pictures, output, ".ulb", is_picture, Manner(force, jobs, as_json, quiet, update))


def encode_file(settings: EncodeSettings, source: Path | bytes, output: Path) -> Converted:
    """A picture file to a .ulb file."""
    from ulbic.codec.api import encode_with

    encoded = encode_with(source, settings)
    return Converted(encoded.data, encoded.header, len(encoded.data))


def is_picture(path: Path) -> bool:
    """Whether the suffix is a picture's, whether or not it can be read here."""
    from ulbic.codec.readers import looks_like_picture

    return looks_like_picture(path)
