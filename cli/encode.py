"""`ulbic encode`."""

from __future__ import annotations

from pathlib import Path

import click

from ulbic.bitstream.container import SCHEDULES
from ulbic.codec.quality import DEFAULT_QUALITY

from .options import weights_option
from .output import check_output, write_output


@click.command("encode")
@click.argument("picture", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Default: PICTURE with the suffix .ulb."
)
@click.option(
    "-q",
    "--quality",
    type=click.IntRange(1, 8),
    default=DEFAULT_QUALITY,
    show_default=True,
    help="1 is the smallest file.",
)
@click.option(
    "--schedule",
    type=click.Choice(SCHEDULES),
    help="Share of the indices to send, instead of the quality's own.",
)
@click.option("--verify", is_flag=True, help="Decode the symbols again before reporting success.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, ...")
@weights_option
@click.option("-f", "--force", is_flag=True, help="Overwrite OUTPUT.")
def command(
    picture: Path,
    output: Path | None,
    quality: int,
    schedule: str | None,
    verify: bool,
    device: str,
    weights: Path | None,
    force: bool,
) -> None:
    """Compress PICTURE (any format that Pillow reads) to a .ulb file."""
    output = output or picture.with_suffix(".ulb")
    check_output(output, force)

    from ulbic.codec.api import encode

    data = encode(picture, quality, schedule=schedule, verify=verify, device=device, weights=weights)
    write_output(output, data)
