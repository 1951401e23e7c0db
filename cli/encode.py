"""`ulbic encode`."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import click

from ulbic.bitstream.container import SCHEDULES

from .arguments import NAME, PositiveNumber
from .conversion import Converted
from .options import conversion_options, keep_icc_option, keep_metadata_option, quality_option
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
    "--schedule",
    type=click.Choice(SCHEDULES),
    help="Share of the indices to send, instead of the quality's own.",
)
@click.option(
    "--target-size",
    type=click.IntRange(1),
    metavar="BYTES",
    help="The best file of at most so many bytes, instead of a quality.",
)
@click.option(
    "--target-bpp",
    type=PositiveNumber(),
    metavar="X",
    help="The same in bits a pixel.",
)
@click.option("--strict", is_flag=True, help="Fail where even the smallest file is above the target.")
@keep_icc_option
@keep_metadata_option
@click.option("--verify", is_flag=True, help="Decode the symbols again before reporting success.")
@conversion_options
@click.pass_context
def command(
    context: click.Context,
    pictures: tuple[str, ...],
    output: str | None,
    quality: int,
    schedule: str | None,
    target_size: int | None,
    target_bpp: float | None,
    strict: bool,
    keep_icc: bool,
    keep_metadata: bool,
    verify: bool,
    device: str,
    weights: Path | None,
    jobs: int,
    force: bool,
    update: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Compress PICTURES (any format that Pillow reads) to .ulb files.

    A picture may also be - for stdin, a folder, or a pattern. Several, or a folder, go into the folder
    OUTPUT, in the same tree; results that are there already are skipped.
    """
    _check_targets(context, has_target=target_size is not None or target_bpp is not None, strict=strict)
    settings = {
        "quality": quality,
        "schedule": schedule,
        "target_size": target_size,
        "target_bpp": target_bpp,
        "strict": strict,
        "keep_icc": keep_icc,
        "keep_metadata": keep_metadata,
        "verify": verify,
        "device": device,
        "weights": weights,
    }
    converter = functools.partial(encode_file, settings)
    run(converter, pictures, output, ".ulb", is_picture, Manner(force, jobs, as_json, quiet, update))


def encode_file(settings: dict[str, Any], source: Path | bytes, output: Path) -> Converted:
    """A picture file to a .ulb file; `settings` are those of `ulbic.encode`."""
    from ulbic.codec.api import encode

    data = encode(source, **settings)
    return Converted(data, data)


def is_picture(path: Path) -> bool:
    """Whether the suffix is a picture's, whether or not it can be read here."""
    from ulbic.codec.readers import looks_like_picture

    return looks_like_picture(path)


def _check_targets(context: click.Context, *, has_target: bool, strict: bool) -> None:
    """A quality and a target exclude each other; only a target can be strict."""
    given = context.get_parameter_source("quality") == click.core.ParameterSource.COMMANDLINE
    if has_target and given:
        raise click.UsageError("--quality and a target exclude each other")
    if strict and not has_target:
        raise click.UsageError("--strict needs --target-size or --target-bpp")
