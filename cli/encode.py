"""`ulbic encode`."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ulbic.codec.profiles import PROFILES
from ulbic.codec.settings import EncodeSettings

from .arguments import INPUT, NAME, ULB, PositiveNumber
from .conversion import Converted
from .examples import with_examples
from .manner import Manner
from .options import (
    conversion_options,
    effort_option,
    index_mode_option,
    keep_icc_option,
    keep_metadata_option,
    model_option,
    output_name_option,
    quality_option,
    roi_option,
    settings_of,
)
from .run import Job, run
from .template import Template

EXAMPLES = with_examples(
    "ulbic encode photo.jpg -o photo.ulb -q 5",
    "ulbic encode photo.jpg --target-bpp 0.03 --verbose",
    "ulbic encode photo.jpg --target-size 1500 --strict --index-mode 1_4",
    "ulbic encode photo.jpg -q 3 --effort 2",
    "ulbic encode portrait.jpg --target-size 2000 --roi 180,60,200,240",
    "ulbic encode photo.tif --keep-icc --keep-metadata --verify",
    "ulbic encode photo.jpg --model tiny --device cpu --force",
    "ulbic encode photos/ -o out/ --jobs 4 --update --dry-run",
    "ulbic encode 'photos/**/*.jpg' --output-name '{parent}/{stem}-q{quality}{suffix}'",
    "find photos -newer last -print0 | ulbic encode @- -o out/ --quiet --json",
)

if TYPE_CHECKING:
    from ulbic.codec.progress import Listener


@click.command("encode", epilog=EXAMPLES)
@click.argument("pictures", nargs=-1, required=True, type=INPUT)
@click.option(
    "-o",
    "--output",
    type=NAME,
    help="File, folder, or - for stdout. Default: beside each picture, with the suffix .ulb.",
)
@output_name_option
@quality_option
@click.option(
    "--target-size",
    type=int,
    metavar="BYTES",
    help="The best file of at most so many bytes, instead of a quality.",
)
@click.option("--target-bpp", type=PositiveNumber(), metavar="X", help="The same in bits per pixel.")
@click.option("--strict", is_flag=True, help="Fail where even the smallest file is above the target.")
@effort_option
@roi_option
@index_mode_option
@keep_icc_option
@keep_metadata_option
@click.option("--verify", is_flag=True, help="Decode the symbols again before reporting success.")
@model_option
@conversion_options
def command(pictures: tuple[str, ...], output: str | None, output_name: str | None, **options: Any) -> None:
    """Compress PICTURES (any format that Pillow reads) to .ulb files.

    A picture may also be - for stdin, a folder, a pattern, or @LIST for the files that LIST names, one a
    line (@- for stdin). Several, or a folder, go into the folder OUTPUT, in the same tree; results that are
    there already are skipped.

    Fields of --output-name: {parent} the input's folder, {tree} its folder below the one that was named,
    {stem} and {name} its name without and with its suffix, {suffix} the result's, {quality}, {model}.
    """
    settings, manner = settings_of(EncodeSettings, options), settings_of(Manner, options)
    job = Job(
        converter=functools.partial(encode_file, settings),
        inputs=pictures,
        wanted=is_picture,
        output=output,
        template=Template(output_name, _words(settings)) if output_name else None,
        suffix=ULB,
        check_name=functools.partial(_check_name, manner.force),
    )
    run(job, manner)


def _words(settings: EncodeSettings) -> dict[str, str]:
    """Fields of names that are the same for all pictures; a target leaves the quality open."""
    quality = settings.quality
    if quality is None and settings.weights is None and not settings.has_target:
        quality = PROFILES.named(settings.model).default_quality
    return {"model": settings.model} | ({} if quality is None else {"quality": str(quality)})


def _check_name(force: bool, output: Path) -> None:
    """Refuses a name that says that something else was meant, unless by `force`.

    Raises:
        UsageError: it is a picture's.
    """
    if not force and is_picture(output):
        advice = f"{str(output)!r} has a picture's suffix, but a .ulb file is written"
        raise click.UsageError(f"{advice}; --force does it all the same")


def encode_file(
    settings: EncodeSettings, source: Path | bytes, output: Path, listener: Listener | None = None
) -> Converted:
    """A picture file to a .ulb file."""
    from ulbic.codec.api import encode_with

    encoded = encode_with(source, settings, listener)
    return Converted(encoded.data, encoded.header, len(encoded.data))


def is_picture(path: Path) -> bool:
    """Whether the suffix is a picture's, whether or not it can be read here."""
    from ulbic.codec.readers import looks_like_picture

    return looks_like_picture(path)
