"""`ulbic inpaint`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .arguments import PATH
from .examples import with_examples
from .making import NOTE, Making, box_option, making_options, opened

EXAMPLES = with_examples(
    "ulbic inpaint photo.png --box 64 64 192 192 -o inpainted.png --steps 40",
    "ulbic inpaint photo.png --mask mask.png -o inpainted.png --temperature 3",
    note=NOTE,
)


@click.command("inpaint", epilog=EXAMPLES)
@click.argument("picture", type=PATH)
@box_option("--box", False, "The hole, in pixels; right and bottom lie outside.")
@click.option(
    "--mask",
    type=PATH,
    help="A picture of the same size that is white where the hole is, and black elsewhere.",
)
@making_options
def command(picture: Path, box: tuple[int, int, int, int] | None, mask: Path | None, **settings: Any) -> None:
    """Fill a hole in PICTURE with what fits the rest.

    The hole grows to whole squares of 16 pixels per side.
    """
    if (box is None) == (mask is None):
        raise click.UsageError("give either --box or --mask")
    how = Making(**settings)
    picture_format = how.check(inputs=[path for path in (picture, mask) if path is not None])

    from ulbic.codec.generate import Box, check_hole, inpaint

    pixels = opened(picture)
    hole = Box(*box) if box is not None else opened(mask).convert("L")  # type: ignore[arg-type]
    check_hole(pixels, hole)
    how.write(how.output, inpaint(how.bundle(), pixels, hole, how.seed, how.config()), picture_format)
