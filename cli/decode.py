"""`ulbic decode`."""

from __future__ import annotations

import io
from pathlib import Path

import click

from ulbic.bitstream.container import MAX_PIXELS, read_container
from ulbic.bitstream.describe import read_bytes
from ulbic.errors import OutputError

from .options import weights_option
from .output import check_output, write_output


@click.command("decode")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Default: FILE with the suffix .png.")
@click.option("--preview", is_flag=True, help="The continuous stream alone: blurred and fast.")
@click.option("--allow-partial", is_flag=True, help="Decode what is left of a truncated file.")
@click.option(
    "--max-pixels",
    type=click.IntRange(1),
    default=MAX_PIXELS,
    show_default=True,
    help="Refuse more than these.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, ...")
@weights_option
@click.option("-f", "--force", is_flag=True, help="Overwrite OUTPUT.")
def command(
    file: Path,
    output: Path | None,
    preview: bool,
    allow_partial: bool,
    max_pixels: int,
    device: str,
    weights: Path | None,
    force: bool,
) -> None:
    """Decompress a .ulb FILE to a picture; the suffix of OUTPUT decides its format."""
    output = output or file.with_suffix(".png")
    check_output(output, force)
    picture_format = _format_of(output)
    data = read_bytes(file)
    # A bad file is refused before torch is imported.
    read_container(data, max_pixels, allow_partial=allow_partial)

    from ulbic.codec.api import decode

    buffer = io.BytesIO()
    picture = decode(
        data,
        max_pixels=max_pixels,
        allow_partial=allow_partial,
        preview=preview,
        device=device,
        weights=weights,
    )
    picture.save(buffer, picture_format)
    write_output(output, buffer.getvalue())


def _format_of(path: Path) -> str:
    """Pillow's name of the format that the suffix stands for."""
    from PIL import Image

    known = Image.registered_extensions()
    name = known.get(path.suffix.lower())
    if name is None or name not in Image.SAVE:
        raise OutputError(f"cannot write {str(path)!r}: no picture format has the suffix {path.suffix!r}")
    return name
