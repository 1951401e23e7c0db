"""`python -m ulbic.training`: run stages, and turn their weights into a file to ship."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ulbic.errors import UlbicError


@click.group()
def cli() -> None:
    """Train ulbic's models (docs/training.md)."""


def _shared_options(function):  # type: ignore[no-untyped-def]
    options = [
        click.option("--preset", type=click.Choice(["tiny", "base"]), default="tiny", show_default=True),
        click.option("--init", type=click.Path(path_type=Path, exists=True), help="Weights to start from."),
        click.option(
            "--shards",
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            help="Folder of shard-*.tar; default: data/train in ULBIC_SHARED.",
        ),
        click.option("--output", type=click.Path(path_type=Path), default="runs/default", show_default=True),
        click.option("--device", help="Default: the GPU where there is one."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@cli.command("stage")
@click.argument("stage")
@click.option("--steps", type=int)
@click.option("--seconds", type=float)
@_shared_options
def stage_command(
    stage: str,
    steps: int | None,
    seconds: float | None,
    preset: str,
    init: Path | None,
    shards: Path | None,
    output: Path,
    device: str | None,
) -> None:
    """Train one STAGE: continuous, tokenizer, predictor, predictor-cross, decoder or joint."""
    from .loop import Budget
    from .recipes import RECIPES
    from .run import run_stage

    if stage not in RECIPES:
        raise click.BadParameter(f"{stage!r} is not one of {', '.join(RECIPES)}", param_hint="STAGE")
    if (steps is None) == (seconds is None):
        raise click.UsageError("give either --steps or --seconds")
    paths = _paths(shards, output)
    click.echo(run_stage(stage, preset, init, Budget(steps, seconds), paths, device or _device()))


@cli.command("all")
@click.option("--seconds", type=float, required=True, help="Of training, all stages together.")
@_shared_options
def all_command(
    seconds: float, preset: str, init: Path | None, shards: Path | None, output: Path, device: str | None
) -> None:
    """Train every stage for its share of the time; resumes what OUTPUT holds."""
    from .run import run_all

    click.echo(run_all(preset, init, seconds, _paths(shards, output), device or _device()))


@cli.command("export")
@click.argument("weights", type=click.Path(path_type=Path, exists=True))
@click.argument("output", type=click.Path(path_type=Path))
def export_command(weights: Path, output: Path) -> None:
    """Write the fp16 file to ship, with integer tables built from the fp16-rounded weights."""
    import torch
    from ulbic.codec.bundle import export_tables
    from ulbic.models.checkpoint import load_checkpoint, save_checkpoint

    model = load_checkpoint(weights).model.half().float()
    save_checkpoint(output, model, export_tables(model), torch.float16)
    click.echo(f"{output}: {output.stat().st_size / 2**20:.2f} MiB")


def _paths(shards: Path | None, output: Path):  # type: ignore[no-untyped-def]
    from ulbic.paths import shared_root

    from .run import RunPaths

    folder = shards or shared_root() / "data" / "train"
    return RunPaths(shards=sorted(folder.glob("shard-*.tar")), cache=output.parent / "cache", output=output)


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


if __name__ == "__main__":
    try:
        cli()
    except UlbicError as error:
        click.echo(f"ulbic.training: {error}", err=True)
        sys.exit(error.exit_code)
