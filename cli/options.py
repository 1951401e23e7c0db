"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path

import click

weights_option = click.option(
    "--weights",
    type=click.Path(path_type=Path),
    help="A weight file (`ulbic weights convert`) instead of the bundled one.",
)
