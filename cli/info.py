"""`ulbic info`."""

from __future__ import annotations

import json
from pathlib import Path

import click
from ulbic.bitstream.describe import info


@click.command("info")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
def command(file: Path, as_json: bool) -> None:
    """Show what a .ulb FILE says of itself. Needs no weights."""
    account = info(file)
    if as_json:
        click.echo(json.dumps(account.to_dict() | {"side_bytes": account.side_bytes}))
        return
    click.echo(f"size        {account.width} x {account.height} pixels")
    click.echo(f"file        {account.file_bytes} bytes, {account.bpp:.4f} bits a pixel")
    click.echo(f"            {account.payload_bytes} payload, {account.side_bytes} side information")
    click.echo(f"model       {account.model_id}, weights {account.weights_tag}")
    click.echo(f"rate point  gain {account.gain}, schedule {account.schedule}")
    click.echo(f"container   version {account.version}, rounding offset {account.rounding}")
