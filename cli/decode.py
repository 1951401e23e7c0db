"""`ulbic decode`."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ulbic.bitstream.container import MAX_PIXELS, read_container
from ulbic.codec.settings import DecodeSettings
from ulbic.files import read_bytes

from .arguments import INPUT, NAME, STREAM, Size
from .conversion import Converted
from .examples import with_examples
from .manner import Manner
from .options import conversion_options, output_name_option, settings_of
from .output import is_special
from .run import Job, run
from .template import Template

if TYPE_CHECKING:
    from ulbic.codec.progress import Listener

    from .pictures import Look

DEFAULT_SUFFIX = ".png"
EXAMPLES = with_examples(
    "ulbic decode photo.ulb -o photo.png",
    "ulbic decode photo.ulb -o photo.jpg --output-quality 90 --resize 640x480",
    "ulbic decode cut.ulb --allow-partial --preview --max-pixels 4000000",
    "ulbic decode mine.ulb --weights base.safetensors",
    "ulbic decode out/ -o decoded/ --format webp --jobs 4",
    "ulbic decode @list.txt --output-name 'decoded/{stem}.avif' --dry-run",
    "cat photo.ulb | ulbic decode - > photo.png",
)


@click.command("decode", epilog=EXAMPLES)
@click.argument("files", nargs=-1, required=True, type=INPUT)
@click.option(
    "-o",
    "--output",
    type=NAME,
    help="File, whose suffix decides the format, folder, or -. Default: beside each, as NAME.decoded.png.",
)
@output_name_option
@click.option(
    "--format",
    "given",
    metavar="NAME",
    help="jpg, webp, ...; wins over OUTPUT's suffix. Default, of what has none: png.",
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
    metavar="N",
    default=MAX_PIXELS,
    show_default=True,
    help="Refuse more than these.",
)
@conversion_options
def command(
    files: tuple[str, ...],
    output: str | None,
    output_name: str | None,
    given: str | None,
    output_quality: int | None,
    resize: tuple[int, int] | None,
    **options: Any,
) -> None:
    """Decompress .ulb FILES to pictures.

    A file may also be - for stdin, a folder, a pattern, or @LIST for the files that LIST names, one a line
    (@- for stdin). Several, or a folder, go into the folder OUTPUT, in the same tree; results that are there
    already are skipped.

    Fields of --output-name: {parent} the input's folder, {tree} its folder below the one that was named,
    {stem} and {name} its name without and with its suffix, {suffix} the result's.
    """
    from .pictures import Look

    settings, manner = settings_of(DecodeSettings, options), settings_of(Manner, options)
    suffix = "" if given is None else "." + given.lower().removeprefix(".")
    _format(suffix, STREAM)
    job = Job(
        converter=functools.partial(decode_file, settings, suffix, Look(quality=output_quality, fit=resize)),
        inputs=files,
        wanted=is_ulb,
        output=output,
        template=Template(output_name, {}) if output_name else None,
        suffix=suffix or DEFAULT_SUFFIX,
        check_name=functools.partial(_format, suffix),
    )
    run(job, manner)


def _format(suffix: str, output: Path) -> str:
    """Pillow's name of the format: that of a suffix that was asked for, if any, else the output's.

    Raises:
        OutputError: there is none.
    """
    from .pictures import format_of

    unnamed = output == STREAM or (not output.suffix and is_special(output))
    return format_of(Path(f"output{suffix or DEFAULT_SUFFIX}") if suffix or unnamed else output)


def decode_file(
    settings: DecodeSettings,
    suffix: str,
    look: Look,
    source: Path | bytes,
    output: Path,
    listener: Listener | None = None,
) -> Converted:
    """A .ulb file to a picture file; `suffix`, if any, wins over the output's."""
    from .pictures import picture_bytes

    picture_format = _format(suffix, output)
    data = source if isinstance(source, bytes) else read_bytes(source)
    # A bad file is refused before torch is imported.
    container = read_container(data, settings.max_pixels, allow_partial=settings.allow_partial)

    from ulbic.codec.api import decode_with

    picture = decode_with(container, settings, listener)
    return Converted(picture_bytes(picture, picture_format, look), container.header, len(data))


def is_ulb(path: Path) -> bool:
    """Whether the suffix is that of a .ulb file."""
    return path.suffix.lower() == ".ulb"
