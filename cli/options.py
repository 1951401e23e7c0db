"""Options that several verbs share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

import click

from ulbic.codec.index_modes import INDEX_MODES
from ulbic.codec.profiles import DEFAULT_MODEL, PROFILES
from ulbic.codec.regions import DEFAULT_BOOST
from ulbic.codec.settings import EFFORTS, DecodeSettings, EncodeSettings

from .arguments import NAME, PATH
from .manner import Manner

Function = TypeVar("Function", bound=Callable[..., None])
Settings = TypeVar("Settings", EncodeSettings, DecodeSettings, Manner)

_ladder = PROFILES.named(DEFAULT_MODEL)

quality_option = click.option(
    "-q",
    "--quality",
    type=int,
    metavar=f"1..{len(_ladder.qualities)}",
    help=f"1 is the smallest file. Default: {_ladder.default_quality}. Other models may have more or fewer.",
)
model_option = click.option(
    "--model",
    default=DEFAULT_MODEL,
    show_default=True,
    metavar="NAME",
    help="One of `ulbic weights list`.",
)
index_mode_option = click.option(
    "--index-mode",
    metavar="NAME",
    help=f"Which indices to send, instead of the quality's own mode: {', '.join(INDEX_MODES.names)}.",
)
effort_option = click.option(
    "--effort",
    type=click.IntRange(EFFORTS[0], EFFORTS[-1]),
    metavar=f"{EFFORTS[0]}..{EFFORTS[-1]}",
    default=EFFORTS[0],
    show_default=True,
    help="How long to search for a better file of the same quality: seconds to minutes a picture.",
)
roi_option = click.option(
    "--roi",
    multiple=True,
    metavar="X,Y,W,H|MASK[:BOOST]",
    help="Spend more on a box of pixels, or where a mask is white: so many gain steps, 0.5 to 8, "
    f"each about a quality. Default: {DEFAULT_BOOST:g}. Any number of times.",
)
force_option = click.option("-f", "--force", is_flag=True, help="Overwrite what exists.")
update_option = click.option(
    "--update",
    is_flag=True,
    help="Of a folder, also do again what has other settings or a changed source.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line on stdout.")
quiet_option = click.option("--quiet", is_flag=True, help="No notes, progress or totals; errors only.")
verbose_option = click.option(
    "-v",
    "--verbose",
    is_flag=True,
    help="Say on stderr what is decided: model, device, gains tried, seconds.",
)
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Say what would be written, skipped or refused; write nothing."
)
output_name_option = click.option(
    "--output-name",
    type=NAME,
    metavar="TEMPLATE",
    help="Instead of -o, what each result is called, with fields in braces: {parent}/{stem}{suffix}.",
)
jobs_option = click.option(
    "-j",
    "--jobs",
    type=click.IntRange(1),
    metavar="N",
    default=1,
    show_default=True,
    help="Processes; each loads the model and takes its share of the cores.",
)
weights_option = click.option(
    "--weights",
    type=PATH,
    help="A weight file (`ulbic weights convert`) instead of the bundled one.",
)
device_option = click.option(
    "--device", default="auto", metavar="NAME", show_default=True, help="auto, cpu, cuda or mps."
)
keep_icc_option = click.option(
    "--keep-icc", is_flag=True, help="Keep the colour profile instead of converting to sRGB."
)
keep_metadata_option = click.option("--keep-metadata", is_flag=True, help="Keep EXIF and XMP.")


def settings_of(kind: type[Settings], given: dict[str, Any]) -> Settings:
    """The settings of one kind among a verb's options.

    Raises:
        SettingsError, UsageError: they contradict each other.
    """
    names = {field.name for field in fields(kind)}
    return kind(**{name: value for name, value in given.items() if name in names})


def conversion_options(function: Function) -> Function:
    """What `encode` and `decode` have in common, in the order of their help."""
    options = (
        device_option,
        weights_option,
        jobs_option,
        force_option,
        update_option,
        dry_run_option,
        json_option,
        quiet_option,
        verbose_option,
    )
    for option in reversed(options):
        function = option(function)
    return function
