"""`ulbic info`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ulbic.bitstream.describe import info, read_bytes

from .arguments import PATH
from .options import json_option, weights_option


@click.command("info")
@click.argument("file", type=PATH)
@json_option
@click.option("--symbols", is_flag=True, help="Also the SHA-256 of all decoded symbols; needs the weights.")
@weights_option
def command(file: Path, as_json: bool, symbols: bool, weights: Path | None) -> None:
    """Show what a .ulb FILE says of itself."""
    data = read_bytes(file)
    account = info(data)
    digest = _symbol_digest(data, weights) if symbols else None
    if as_json:
        extra = {"side_bytes": account.side_bytes} | ({"symbols": digest} if digest else {})
        click.echo(json.dumps(account.to_dict() | extra))
        return
    click.echo(f"size        {account.width} x {account.height} pixels")
    click.echo(f"file        {account.file_bytes} bytes, {account.bpp:.4f} bits a pixel")
    click.echo(f"            {account.payload_bytes} payload, {account.side_bytes} side information")
    click.echo(f"model       {account.model_id}, weights {account.weights_tag}")
    raw = ", raw indices" if account.raw_indices else ""
    click.echo(f"rate point  gain {account.gain:g}, schedule {account.schedule}{raw}")
    click.echo(f"container   version {account.version}, rounding offset {account.rounding}")
    extras = (["grey"] if account.grey else []) + [f"{k} {n} bytes" for k, n in account.chunks.items()]
    if extras:
        click.echo(f"extras      {', '.join(extras)}")
    if digest:
        click.echo(f"symbols     {digest}")


def _symbol_digest(data: bytes, weights: Path | None) -> str:
    from ulbic.codec.api import symbol_digest

    return symbol_digest(data, weights=weights)
