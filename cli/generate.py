"""`ulbic generate`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ulbic.errors import SettingsError

from .arguments import PATH
from .examples import with_examples
from .making import NOTE, Making, making_options

if TYPE_CHECKING:
    from PIL import Image

GAP = 4  # pixels between the pictures of a grid
EXAMPLES = with_examples(
    "ulbic generate -o dreams.png --number 16 --grid --seed 1 --weights base.safetensors",
    "ulbic generate -o dog.png --class dog --class-weights classes.safetensors",
    note=NOTE,
)


@click.command("generate", epilog=EXAMPLES)
@click.option(
    "-n",
    "--number",
    type=click.IntRange(1, 1024),
    metavar="N",
    default=1,
    show_default=True,
    help="Pictures, with seeds that follow one another; of every class, where there are several.",
)
@click.option(
    "--grid", is_flag=True, help="All in one picture, a class a row; else NAME-1.png, NAME-2.png, ..."
)
@click.option(
    "--class",
    "wanted",
    multiple=True,
    metavar="CLASS",
    help="Name or number of a class of --class-weights; may be repeated.",
)
@click.option(
    "--class-weights",
    type=PATH,
    help="What `python -m ulbic.training class-decoder` wrote.",
)
@making_options
def command(
    number: int, grid: bool, wanted: tuple[str, ...], class_weights: Path | None, **settings: Any
) -> None:
    """Make up pictures of 256x256 pixels out of nothing, of any kind or of a class."""
    how = Making(**settings)
    count = number * max(len(wanted), 1)
    outputs = [how.output] if grid or count == 1 else _numbered(how.output, count)
    picture_format = how.check(outputs=outputs, inputs=[] if class_weights is None else [class_weights])
    if bool(wanted) != (class_weights is not None):
        raise SettingsError("--class and --class-weights go together: the model itself knows no classes")

    from ulbic.codec.classes import of_class, open_class_weights
    from ulbic.codec.generate import generate

    kinds = [how.bundle()]
    if class_weights is not None:
        known = open_class_weights(kinds[0], class_weights)
        kinds = [of_class(kinds[0], known, known.label(text)) for text in wanted]
    made = (
        generate(kind, how.seed + i, how.config()) for kind in kinds for i in range(number)
    )  # one after the other: none waits in memory, unless for the grid
    if grid:
        columns = number if len(kinds) > 1 else math.ceil(math.sqrt(number))
        how.write(how.output, _on_a_grid(list(made), columns), picture_format)
        return
    for path, picture in zip(outputs, made, strict=True):
        how.write(path, picture, picture_format)


def _numbered(path: Path, count: int) -> list[Path]:
    return [path.with_stem(f"{path.stem}-{i}") for i in range(1, count + 1)]


def _on_a_grid(pictures: list[Image.Image], columns: int) -> Image.Image:
    from PIL import Image

    side, rows = pictures[0].width + GAP, -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * side - GAP, rows * side - GAP), "white")
    for i, picture in enumerate(pictures):
        sheet.paste(picture, (i % columns * side, i // columns * side))
    return sheet
