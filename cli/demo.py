"""`ulbic demo`."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from ulbic.codec.profiles import PROFILES
from ulbic.codec.settings import EncodeSettings
from ulbic.errors import InputError

from .arguments import FOLDER
from .examples import with_examples
from .options import force_option, json_option, quality_option, quiet_option
from .output import check_output, make_folder, write_output
from .pictures import picture_bytes

EXAMPLES = with_examples(
    "ulbic demo -q 3 -o demo",
)


@click.command("demo", epilog=EXAMPLES)
@click.option(
    "-o",
    "--output",
    type=FOLDER,
    default="ulbic-demo",
    show_default=True,
    help="Folder for the results.",
)
@quality_option
@click.option("--device", default="auto", metavar="NAME", show_default=True)
@force_option
@json_option
@quiet_option
def command(output: Path, quality: int | None, device: str, force: bool, as_json: bool, quiet: bool) -> None:
    """Code a photograph that matplotlib carries and show what comes back."""
    settings = EncodeSettings(quality=quality, device=device)
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
    from ulbic.codec.api import encode_with
    from ulbic.codec.images import load_picture

    photo = load_picture(sample_photo())
    started = time.perf_counter()
    data = encode_with(photo, settings).data
    encoded = time.perf_counter()
    decoded = ulbic.decode(data, device=device)
    done = time.perf_counter()

    both = Image.new("RGB", (2 * photo.width, photo.height))
    both.paste(photo, (0, 0))
    both.paste(decoded, (photo.width, 0))
    write_output(names["file"], data, replace=force)
    write_output(names["decoded"], picture_bytes(decoded, "PNG"), replace=force)
    write_output(names["both"], picture_bytes(both, "PNG"), replace=force)
    account: dict[str, Any] = {
        "width": photo.width,
        "height": photo.height,
        "quality": PROFILES.named(settings.model).default_quality if quality is None else quality,
        "bytes": len(data),
        "bpp": ulbic.info(data).bpp,
        "psnr": psnr(photo, decoded),
        "encode_s": encoded - started,
        "decode_s": done - encoded,
        "files": list(map(str, names.values())),
    }
    if as_json:
        click.echo(json.dumps(account))
    elif not quiet:
        click.echo(
            "picture  {width} x {height}, quality {quality}\n"
            "file     {bytes} bytes, {bpp:.4f} bits per pixel\n"
            "PSNR     {psnr:.2f} dB\n"
            "time     {encode_s:.2f} s encode (with loading), {decode_s:.2f} s decode".format(**account)
        )
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
