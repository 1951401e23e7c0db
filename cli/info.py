"""`ulbic info`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ulbic.codec.describe import FileInfo, info
from ulbic.errors import PartialError, UlbicError
from ulbic.files import read_bytes

from .arguments import INPUT, STREAM, ULB
from .conversion import failed
from .examples import with_examples
from .faults import named
from .options import device_option, json_option, weights_option
from .output import read_stdin, tell
from .plan import Task, files_of, is_batch

EXAMPLES = with_examples(
    "ulbic info photo.ulb",
    "ulbic info out/ --json",
    "ulbic info photo.ulb --symbols --device cpu",
)


@click.command("info", epilog=EXAMPLES)
@click.argument("files", nargs=-1, required=True, type=INPUT)
@json_option
@click.option("--symbols", is_flag=True, help="Also the SHA-256 of all decoded symbols; needs the weights.")
@device_option
@weights_option
def command(files: tuple[str, ...], as_json: bool, symbols: bool, device: str, weights: Path | None) -> None:
    """Show what .ulb FILES say of themselves.

    A file may also be - for stdin, a folder, a pattern, or @LIST for the files that LIST names, one a line
    (@- for stdin).
    """
    several = is_batch(files, None)
    found = files_of(files, lambda path: path.suffix.lower() == ULB)
    failures: list[UlbicError] = []
    for path, _, obstacle in found:
        if obstacle:
            tell(f"{path}: note: {obstacle}")
            continue
        try:
            data = read_stdin() if path == STREAM else read_bytes(path)
            account = info(data)
            digest = _symbol_digest(data, device, weights) if symbols else ""
        except UlbicError as error:
            failures.append(named(error, path))
            if as_json:
                click.echo(json.dumps(failed(Task(path, Path()), error).to_dict()))
            if several:
                tell(str(failures[-1]))
            continue
        if as_json:
            click.echo(json.dumps(_fields(account, path, digest)))
        else:
            _show(account, digest, str(path) if several else "")
    if several and failures:
        raise PartialError(f"{len(failures)} of {len(found)} files failed")
    if failures:
        raise failures[0]


def _fields(account: FileInfo, path: Path, digest: str) -> dict[str, Any]:
    extra = {"side_bytes": account.side_bytes} | ({"symbols": digest} if digest else {})
    return {"input": str(path)} | account.to_dict() | extra


def _show(account: FileInfo, digest: str, name: str) -> None:
    if name:
        click.echo(f"{name}:")
    click.echo(f"size        {account.width} x {account.height} pixels")
    click.echo(f"file        {account.file_bytes} bytes, {account.bpp:.4f} bits per pixel")
    click.echo(f"            {account.payload_bytes} payload, {account.side_bytes} side information")
    model = f"{account.model_number} {account.model}".strip()
    click.echo(f"model       {model}, weights {account.weights_tag}")
    raw = ", raw indices" if account.raw_indices else ""
    click.echo(f"rate point  gain {account.gain:g}, index mode {account.index_mode}{raw}")
    if account.boost:
        click.echo(
            f"regions     {account.boosted:.0%} of the picture, up to {account.boost:g} gain steps more"
        )
    click.echo(f"container   version {account.version}, rounding offset {account.rounding}")
    extras = (["grey"] if account.grey else []) + [f"{k} {n} bytes" for k, n in account.chunks.items()]
    if extras:
        click.echo(f"extras      {', '.join(extras)}")
    if digest:
        click.echo(f"symbols     {digest}")


def _symbol_digest(data: bytes, device: str, weights: Path | None) -> str:
    from ulbic.codec.api import symbol_digest

    return symbol_digest(data, device=device, weights=weights)
