"""`ulbic inpaint`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .making import NOTE, Making, box_option, making_options, opened, write_picture


@click.command("inpaint", epilog=NOTE)
@click.argument("picture", type=click.Path(path_type=Path))
@box_option("--box", False, "The hole, in pixels; right and bottom lie outside.")
@click.option(
    "--mask",
    type=click.Path(path_type=Path),
    help="A picture of the same size that is white where the hole is, and black elsewhere.",
)
@making_options
def command(picture: Path, box: tuple[int, int, int, int] | None, mask: Path | None, **settings: Any) -> None:
    """Fill a hole in PICTURE with what fits the rest.

    The hole grows to whole squares of 16 pixels a side.
    """
    if (box is None) == (mask is None):
        raise click.UsageError("give either --box or --mask")
    how = Making(**settings)
    picture_format = how.check()

    from ulbic.codec.generate import Box, check_hole, inpaint

    pixels = opened(picture)
    hole = Box(*box) if box is not None else opened(mask).convert("L")  # type: ignore[arg-type]
    check_hole(pixels, hole)
    write_picture(how.output, inpaint(how.bundle(), pixels, hole, how.seed, how.config()), picture_format)
