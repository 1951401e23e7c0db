"""`ulbic encode`."""

from __future__ import annotations

from pathlib import Path

import click

from ulbic.bitstream.container import SCHEDULES
from ulbic.codec.quality import DEFAULT_QUALITY

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
@click.option(
    "--target-size",
    type=click.IntRange(1),
    metavar="BYTES",
    help="The best file of at most so many bytes, instead of a quality.",
)
@click.option(
    "--target-bpp",
    type=click.FloatRange(0, min_open=True),
    metavar="X",
    help="The same in bits a pixel.",
)
@click.option("--strict", is_flag=True, help="Fail where even the smallest file is above the target.")
@click.option("--verify", is_flag=True, help="Decode the symbols again before reporting success.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or mps.")
@click.option("-f", "--force", is_flag=True, help="Overwrite OUTPUT.")
@click.pass_context
def command(
    context: click.Context,
    picture: Path,
    output: Path | None,
    quality: int,
    schedule: str | None,
    target_size: int | None,
    target_bpp: float | None,
    strict: bool,
    verify: bool,
    device: str,
    force: bool,
) -> None:
    """Compress PICTURE (any format that Pillow reads) to a .ulb file."""
    _check_targets(context, has_target=target_size is not None or target_bpp is not None, strict=strict)
    output = output or picture.with_suffix(".ulb")
    check_output(output, force)

    from ulbic.codec.api import encode

    data = encode(
        picture,
        quality,
        schedule=schedule,
        target_size=target_size,
        target_bpp=target_bpp,
        strict=strict,
        verify=verify,
        device=device,
    )
    write_output(output, data)


def _check_targets(context: click.Context, *, has_target: bool, strict: bool) -> None:
    """A quality and a target exclude each other; only a target can be strict."""
    given = context.get_parameter_source("quality") == click.core.ParameterSource.COMMANDLINE
    if has_target and given:
        raise click.UsageError("--quality and a target exclude each other")
    if strict and not has_target:
        raise click.UsageError("--strict needs --target-size or --target-bpp")
