"""`ulbic weights`: what is bundled, whether a file is sound, and files from public checkpoints."""

from __future__ import annotations

from pathlib import Path

import click

from ulbic.models.config import PRESETS
from ulbic.models.zoo import PUBLIC_SOURCES, ZOO, file_digest

from .arguments import PATH
from .output import check_output, new_file


@click.group("weights")
def command() -> None:
    """List, verify and convert weights."""


@command.command("list")
def list_command() -> None:
    """Show the models that this release knows."""
    for known in ZOO:
        if known.path.exists():
            size = known.path.stat().st_size / 2**20
            state = f"{size:.1f} MiB, weights {file_digest(known.path)[:3]}"
        else:
            state = "not installed"
        click.echo(f"{known.model_id:2} {known.name:8} {state}")


@command.command("verify")
@click.argument("files", nargs=-1, type=PATH)
def verify_command(files: tuple[Path, ...]) -> None:
    """Check every weight of FILES; without FILES, of the bundled ones."""
    from ulbic.codec.conversion import verify

    for path in files or [known.path for known in ZOO]:
        sound = verify(path)
        click.echo(f"{path}: {sound.name}, {sound.parameters:,} parameters, weights {sound.tag}: sound")


@command.command("convert")
@click.option(
    "--from",
    "checkpoints",
    type=(click.Choice(PUBLIC_SOURCES), PATH),
    multiple=True,
    required=True,
    help="A public checkpoint and what it is; may be given several times.",
)
@click.option("-o", "--output", type=PATH, required=True, help="A .safetensors file.")
@click.option(
    "--preset",
    type=click.Choice([name for name in PRESETS if name != "tiny"]),
    default="base",
    show_default=True,
    help="large has MAGE ViT-L.",
)
@click.option("--init", type=PATH, help="Weight file that the other parts come from.")
@click.option("--half", is_flag=True, help="Store 16-bit weights: half the size, not quite the same values.")
@click.option("-f", "--force", is_flag=True, help="Overwrite OUTPUT.")
def convert_command(
    checkpoints: tuple[tuple[str, Path], ...],
    output: Path,
    preset: str,
    init: Path | None,
    half: bool,
    force: bool,
) -> None:
    """Make one weight file of public checkpoints; nothing in them is executed."""
    check_output(output, force)

    import torch

    from ulbic.codec.bundle import export_tables
    from ulbic.codec.conversion import convert
    from ulbic.models.checkpoint import save_checkpoint

    model, fresh = convert(checkpoints, preset, init)
    with new_file(output, replace=force) as temporary:
        save_checkpoint(temporary, model, export_tables(model), torch.float16 if half else torch.float32)
    click.echo(f"{output}: {output.stat().st_size / 2**20:.1f} MiB, weights {file_digest(output)[:3]}")
    if fresh:
        origin = f"as in {init}" if init else "untrained"
        click.echo(f"from none of the files, {origin}: {', '.join(fresh)}")
