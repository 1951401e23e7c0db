"""Names of files on the command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click


class FileName(click.Path):
    """A path, "-", or a pattern: shells complete it, and an empty one, from an unset variable, is refused."""

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        if not os.fspath(value):
            self.fail("the name is empty", param, ctx)
        return super().convert(value, param, ctx)


NAME = FileName()  # str
PATH = FileName(path_type=Path)
FOLDER = FileName(path_type=Path, file_okay=False)
