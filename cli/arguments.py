"""Names of files on the command line."""

from __future__ import annotations

import math
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


class PositiveNumber(click.FloatRange):
    """Above 0, and finite: `click.FloatRange` lets "nan" through."""

    def __init__(self) -> None:
        super().__init__(0, min_open=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


NAME = FileName()  # str
PATH = FileName(path_type=Path)
FOLDER = FileName(path_type=Path, file_okay=False)
