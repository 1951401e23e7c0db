"""`ulbic uncrop`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .arguments import PATH
from .examples import with_examples
from .making import NOTE, Making, box_option, making_options, opened

EXAMPLES = with_examples(
    "ulbic uncrop photo.png --box 64 64 192 192 -o around.png",
    note=NOTE,
)


@click.command("uncrop", epilog=EXAMPLES)
@click.argument("picture", type=PATH)
@box_option("--box", True, "What is kept, in pixels; right and bottom lie outside.")
@making_options
def command(picture: Path, box: tuple[int, int, int, int], **settings: Any) -> None:
    """Keep a box of PICTURE and make up all around it anew, in the same size.

    Kept are the squares of 16 pixels per side that lie wholly in the box.
    """
    how = Making(**settings)
    picture_format = how.check(inputs=(picture,))

    from ulbic.codec.generate import Box, check_box, uncrop

    pixels, kept = opened(picture), Box(*box)
    check_box(pixels, kept)
    how.write(how.output, uncrop(how.bundle(), pixels, kept, how.seed, how.config()), picture_format)
