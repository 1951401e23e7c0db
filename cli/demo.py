"""`ulbic demo`."""

from __future__ import annotations

import io
import time
from pathlib import Path

import click

from ulbic.codec.quality import DEFAULT_QUALITY
from ulbic.errors import InputError

from .output import check_output, make_folder, write_output


@click.command("demo")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default="ulbic-demo",
    show_default=True,
    help="Folder for the results.",
)
@click.option("-q", "--quality", type=click.IntRange(1, 8), default=DEFAULT_QUALITY, show_default=True)
@click.option("--device", default="auto", show_default=True)
@click.option("-f", "--force", is_flag=True, help="Overwrite earlier results.")
def command(output: Path, quality: int, device: str, force: bool) -> None:
    """Code a photograph that matplotlib carries and show what comes back."""
    make_folder(output)
    names = {
        kind: output / f"demo{suffix}"
        for kind, suffix in {"file": ".ulb", "decoded": "-decoded.png", "both": "-side-by-side.png"}.items()
    }
    for path in names.values():
        check_output(path, force)

    from PIL import Image

    import ulbic
    from ulbic.benchmarks.metrics import psnr
    from ulbic.codec.images import load_picture

    photo = load_picture(sample_photo())
    started = time.perf_counter()
    data = ulbic.encode(photo, quality, device=device)
    encoded = time.perf_counter()
    decoded = ulbic.decode(data, device=device)
    done = time.perf_counter()

    both = Image.new("RGB", (2 * photo.width, photo.height))
    both.paste(photo, (0, 0))
    both.paste(decoded, (photo.width, 0))
    write_output(names["file"], data)
    write_output(names["decoded"], _png(decoded))
    write_output(names["both"], _png(both))
    click.echo(f"picture  {photo.width} x {photo.height}, quality {quality}")
    click.echo(f"file     {len(data)} bytes, {ulbic.info(data).bpp:.4f} bits a pixel")
    click.echo(f"PSNR     {psnr(photo, decoded):.2f} dB")
    click.echo(f"time     {encoded - started:.2f} s encode (with loading), {done - encoded:.2f} s decode")
    for path in names.values():
        click.echo(f"wrote    {path}")


def sample_photo() -> Path:
    """A portrait in the public domain from matplotlib's sample data.

    Raises:
        InputError: this build of matplotlib carries none.
    """
    import matplotlib

    path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    if not path.exists():
        raise InputError("this build of matplotlib carries no sample photograph; try `ulbic encode`")
    return path


def _png(picture: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")  # type: ignore[attr-defined]
    return buffer.getvalue()
