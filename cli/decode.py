"""`ulbic decode`."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ulbic.bitstream.container import MAX_PIXELS, read_container
from ulbic.codec.settings import DecodeSettings
from ulbic.files import read_bytes

from .arguments import NAME, Size
from .conversion import Converted
from .options import conversion_options, settings_of
from .output import is_special
from .plan import STREAM
from .run import Manner, run

if TYPE_CHECKING:
    from ulbic.codec.progress import Listener

    from .pictures import Look


@click.command("decode")
@click.argument("files", nargs=-1, required=True, type=NAME)
@click.option(
    "-o",
    "--output",
    type=NAME,
    help="File, whose suffix decides the format, folder, or -. Default: beside each, as NAME.decoded.png.",
)
@click.option(
    "--format",
    "suffix",
    default="png",
    show_default=True,
    help="Format of what goes to stdout, into a folder, or beside a file.",
)
@click.option(
    "--output-quality",
    type=click.IntRange(1, 100),
    metavar="N",
    help="Of JPEG, WebP, AVIF, HEIC and JPEG XL outputs, 1 to 100. Default: 95.",
)
@click.option("--resize", type=Size(), help="Shrink what is larger, to fit inside; its shape stays.")
@click.option("--preview", is_flag=True, help="The continuous stream alone: blurred and fast.")
@click.option("--allow-partial", is_flag=True, help="Decode what is left of a truncated file.")
@click.option(
    "--max-pixels",
    type=click.IntRange(1),
    default=MAX_PIXELS,
    show_default=True,
    help="Refuse more than these.",
)
@conversion_options
def command(
    files: tuple[str, ...],
    output: str | None,
    suffix: str,
    output_quality: int | None,
    resize: tuple[int, int] | None,
    jobs: int,
    force: bool,
    update: bool,
    as_json: bool,
    quiet: bool,
    **settings: Any,
) -> None:
    """Decompress .ulb FILES to pictures.

    A file may also be - for stdin, a folder, or a pattern. Several, or a folder, go into the folder OUTPUT,
    in the same tree; results that are there already are skipped.
    """
    from .pictures import Look, format_of

    suffix = "." + suffix.lower().removeprefix(".")
    format_of(Path(f"output{suffix}"))
    look = Look(quality=output_quality, fit=resize)
    converter = functools.partial(decode_file, settings_of(DecodeSettings, settings), suffix, look)
    run(converter, files, output, suffix, is_ulb, Manner(force, jobs, as_json, quiet, update))


def decode_file(
    settings: DecodeSettings,
    suffix: str,
    look: Look,
    source: Path | bytes,
    output: Path,
    listener: Listener | None = None,
) -> Converted:
    """A .ulb file to a picture file; `suffix` serves stdout."""
    from .pictures import format_of, picture_bytes

    unnamed = output == STREAM or (not output.suffix and is_special(output))
    picture_format = format_of(output.with_suffix(suffix) if unnamed else output)
    data = source if isinstance(source, bytes) else read_bytes(source)
    # A bad file is refused before torch is imported.
    container = read_container(data, settings.max_pixels, allow_partial=settings.allow_partial)

    from ulbic.codec.api import decode_with

    picture = decode_with(container, settings, listener)
    return Converted(picture_bytes(picture, picture_format, look), container.header, len(data))


def is_ulb(path: Path) -> bool:
    """Whether the suffix is that of a .ulb file."""
    return path.suffix.lower() == ".ulb"
