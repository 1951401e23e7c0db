"""`ulbic outpaint`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .arguments import PATH
from .examples import with_examples
from .making import NOTE, Making, making_options, opened

_pixels = click.IntRange(0, 65535)

EXAMPLES = with_examples(
    "ulbic outpaint photo.png --left 64 --top 32 --right 128 --bottom 32 -o wider.png",
    note=NOTE,
)


@click.command("outpaint", epilog=EXAMPLES)
@click.argument("picture", type=PATH)
@click.option("--left", type=_pixels, default=0, metavar="PIXELS", help="More on the left.")
@click.option("--top", type=_pixels, default=0, metavar="PIXELS", help="More above.")
@click.option("--right", type=_pixels, default=0, metavar="PIXELS", help="More on the right.")
@click.option("--bottom", type=_pixels, default=0, metavar="PIXELS", help="More below.")
@making_options
def command(picture: Path, left: int, top: int, right: int, bottom: int, **settings: Any) -> None:
    """Go on with PICTURE beyond its sides.

    Windows of 256 pixels per side are completed one after the other: what lies further from the picture knows
    nothing of it.
    """
    if not (left or top or right or bottom):
        raise click.UsageError("give --left, --top, --right or --bottom")
    how = Making(**settings)
    picture_format = how.check(inputs=(picture,))

    from ulbic.codec.generate import outpaint

    pixels = opened(picture)
    made = outpaint(
        how.bundle(),
        pixels,
        left=left,
        top=top,
        right=right,
        bottom=bottom,
        seed=how.seed,
        config=how.config(),
    )
    how.write(how.output, made, picture_format)
