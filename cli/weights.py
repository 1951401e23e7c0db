"""`ulbic weights`: what is here, what is added, whether it is sound, and files from public checkpoints."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from ulbic.codec.profiles import PROFILES, installed_weights
from ulbic.errors import WeightsError
from ulbic.files import file_digest, read_bytes
from ulbic.models.config import PRESETS, PUBLIC_SOURCES

from .arguments import PATH
from .examples import with_examples
from .output import check_output, make_folder, new_file, write_output


@click.group("weights")
def command() -> None:
    """List, install, verify and convert weights."""


@command.command("list", epilog=with_examples("ulbic weights list"))
def list_command() -> None:
    """Show the models that this release knows, and where their weights are."""
    for known in PROFILES:
        try:
            path = known.find_weights()
        except WeightsError:
            state = "not installed"
        else:
            size = path.stat().st_size / 2**20
            state = f"{size:.1f} MiB, weights {known.tag:03x}, {known.licence}, {path}"
        click.echo(f"{known.number:2} {known.name:8} {state}")


@command.command("install", epilog=with_examples("ulbic weights install model.safetensors"))
@click.argument("file", type=click.Path(path_type=Path))
def install_command(file: Path) -> None:
    """Copy a weight FILE of a model that this release knows to where encoder and decoder find it."""
    data = read_bytes(file)
    digest = hashlib.sha256(data).hexdigest()
    known = next((known for known in PROFILES if digest in known.files), None)
    if known is None:
        raise WeightsError(f"{str(file)!r} holds the weights of no model that this release knows")
    place = installed_weights() / known.files[digest]
    make_folder(place.parent)
    write_output(place, data, replace=True)
    click.echo(f"model {known.name}: {place}")


@command.command("verify", epilog=with_examples("ulbic weights verify base.safetensors"))
@click.argument("files", nargs=-1, type=PATH)
def verify_command(files: tuple[Path, ...]) -> None:
    """Check every weight of FILES; without FILES, of the models that are installed."""
    from ulbic.codec.public_weights import verify

    for path in files or [known.find_weights() for known in PROFILES]:
        sound = verify(path)
        click.echo(f"{path}: {sound.name}, {sound.parameters:,} parameters, weights {sound.tag}: sound")


@command.command(
    "convert",
    epilog=with_examples(
        "ulbic weights convert --from mlicpp 0250.pth.tar --from mage-vit vitb.pth -o base.safetensors",
        "ulbic weights convert --from mage-vit vitl.pth --preset large --init old.st --half -o new.st",
    ),
)
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

    from ulbic.codec.public_weights import convert

    converted = convert(checkpoints, preset, init)
    with new_file(output, replace=force) as temporary:
        converted.save(temporary, half=half)
    click.echo(f"{output}: {output.stat().st_size / 2**20:.1f} MiB, weights {file_digest(output)[:3]}")
    if converted.fresh:
        origin = f"as in {init}" if init else "untrained"
        click.echo(f"from none of the files, {origin}: {', '.join(converted.fresh)}")
