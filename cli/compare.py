"""`ulbic compare`."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ulbic.errors import InputError, OutputError, PartialError, UlbicError
from ulbic.files import read_bytes

from .arguments import INPUT, PATH
from .examples import with_examples
from .lists import listed
from .options import device_option, force_option, json_option, verbose_option, weights_option
from .output import check_output, write_output
from .verbose import about, listening

if TYPE_CHECKING:
    from PIL import Image

    from ulbic.benchmarks.metrics import Metric

METRICS = {"psnr": "psnr", "ms-ssim": "ms_ssim", "lpips": "lpips_squeeze", "haarpsi": "haarpsi"}  # keys
DIGITS = {"psnr": 2}  # behind the point in the table; 3 for the others

Viewer = Callable[[bytes], "Image.Image"]  # from a file's bytes


@dataclass(frozen=True, kw_only=True)
class Compared:
    """The account of one file."""

    file: str
    width: int
    height: int
    bytes: int
    bpp: float  # 8 x file bytes / the original's pixels
    values: dict[str, float | None]  # by metric; None where it is infinite or the picture too small

    def to_dict(self) -> dict[str, object]:
        """For JSON."""
        own = {name: getattr(self, name) for name in ("file", "width", "height", "bytes", "bpp")}
        return own | {"status": "done"} | self.values


EXAMPLES = with_examples(
    "ulbic compare photo.jpg photo.ulb photo.avif",
    "ulbic compare photo.png small.ulb large.ulb -o sheet.png --difference",
    "ulbic compare photo.png @list.txt --metric psnr --metric lpips --json",
)


@click.command("compare", epilog=EXAMPLES)
@click.argument("original", type=PATH)
@click.argument("files", nargs=-1, required=True, type=INPUT)
@click.option("-o", "--output", type=PATH, help="Also a picture of all, side by side.")
@click.option(
    "--difference", "as_difference", is_flag=True, help="Show in it how each differs, twice as much."
)
@click.option(
    "--metric",
    "names",
    multiple=True,
    type=click.Choice(list(METRICS)),
    help="Only this one; may be repeated. Default: all.",
)
@device_option
@weights_option
@force_option
@json_option
@verbose_option
def command(
    original: Path,
    files: tuple[str, ...],
    output: Path | None,
    as_difference: bool,
    names: tuple[str, ...],
    device: str,
    weights: Path | None,
    force: bool,
    as_json: bool,
    verbose: bool,
) -> None:
    """Measure FILES, coded in any way, against the picture ORIGINAL that they were made from.

    A file may be a .ulb file or any picture that Pillow reads, and must have as many pixels as the original;
    @LIST stands for the files that LIST names, one a line (@- for stdin).
    Colours are compared as sRGB, and transparency as it looks on white. A metric has no value where it is
    infinite (PSNR of equal pictures) or the picture too small.
    """
    click.get_current_context().with_resource(listening(verbose))
    paths = listed(files)
    if as_difference and output is None:
        raise click.UsageError("--difference needs --output")
    if output is not None:
        _check_sheet_file(output, (original, *paths), force)

    from . import views

    def view(data: bytes) -> Image.Image:
        return views.on_white(views.seen(data, device=device, weights=weights))

    data, reference = _opened(original, view)
    if output is not None:
        views.check_sheet(reference.size, 1 + len(paths))
    table, missing = _metrics(names)
    for line in missing:
        click.echo(f"ulbic: {line}", err=True)

    done, failed = [], []
    cells = [views.Cell((original.name, f"{len(data)} bytes"), reference)]
    for file in paths:
        try:
            data, picture = _opened(file, view)
            compared = _compared(file, len(data), reference, picture, table)
        except UlbicError as error:
            failed.append(error)
            if as_json:
                account = {"file": str(file), "status": "failed", "error": str(error)}
                click.echo(json.dumps({**account, "exit_code": error.exit_code}))
            continue
        done.append(compared)
        if as_json:
            click.echo(json.dumps(compared.to_dict()))
        if output is not None:
            shown = views.difference(reference, picture) if as_difference else picture
            cells.append(views.Cell((file.name, f"{compared.bytes} bytes, {compared.bpp:.4f} bpp"), shown))

    if done and not as_json:
        click.echo("\n".join(_lines(done, table)))
    if done and output is not None:
        from .pictures import format_of, picture_bytes

        write_output(output, picture_bytes(views.sheet(cells), format_of(output)))
    if failed and len(paths) == 1:
        raise failed[0]
    if failed:
        for failure in failed:
            click.echo(f"ulbic: {failure}", err=True)
        raise PartialError(f"{len(failed)} of {len(paths)} files failed")


def _check_sheet_file(output: Path, inputs: Sequence[Path], force: bool) -> None:
    """Finds out before the work what would stop the sheet from being written.

    Raises:
        OutputError: it exists, is one of the inputs, or has no picture's suffix.
    """
    from .pictures import format_of

    format_of(output)
    check_output(output, force)
    if output.exists() and any(path.exists() and path.samefile(output) for path in inputs):
        raise OutputError(f"cannot write {str(output)!r}: it is one of the files to compare")


def _opened(path: Path, view: Viewer) -> tuple[bytes, Image.Image]:
    """The bytes of a file and its picture; notes and errors name the file.

    Raises:
        UlbicError: one of its kinds for every cause.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            data = read_bytes(path)
            with about(path):
                picture = view(data)
        except InputError:
            raise  # names it already
        except UlbicError as error:
            raise type(error)(f"{str(path)!r}: {error}") from None
    for warning in caught:
        if issubclass(warning.category, UserWarning):
            click.echo(f"ulbic: {str(path)!r}: note: {warning.message}", err=True)
    return data, picture


def _metrics(names: Sequence[str]) -> tuple[tuple[Metric, ...], list[str]]:
    """Those asked for that can be had here, and a line for each of the others."""
    from ulbic.benchmarks.metrics import metric_table, usable

    wanted = [METRICS[name] for name in names or METRICS]
    return usable([metric for metric in metric_table("squeeze") if metric.key in wanted])


def _compared(
    file: Path, size: int, original: Image.Image, picture: Image.Image, table: Sequence[Metric]
) -> Compared:
    """The account of one file of `size` bytes.

    Raises:
        UlbicError: the pictures have not the same size.
    """
    from ulbic.benchmarks.metrics import measure, picture_values

    if picture.size != original.size:
        ours, theirs = ("{} x {}".format(*p.size) for p in (picture, original))
        raise UlbicError(f"{str(file)!r} has {ours} pixels, the original {theirs}")
    width, height = picture.size
    return Compared(
        file=str(file),
        width=width,
        height=height,
        bytes=size,
        bpp=8 * size / (width * height),
        values=picture_values(measure(original, picture, table), table),
    )


def _lines(done: Sequence[Compared], table: Sequence[Metric]) -> list[str]:
    """A table in columns, the numbers to the right."""
    rows = [["file", "bytes", "bpp", *(f"{metric.label} {metric.unit}".strip() for metric in table)]]
    for one in done:
        values = [_text(metric.key, one.values[metric.key]) for metric in table]
        rows.append([one.file, str(one.bytes), f"{one.bpp:.4f}", *values])
    widths: list[Any] = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _text(key: str, value: float | None) -> str:
    return "n/a" if value is None else f"{value:.{DIGITS.get(key, 3)}f}"
