"""Names of files on the command line."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path
from typing import Any

import click

STREAM = Path("-")  # stdin or stdout
ULB = ".ulb"


class FileName(click.Path):
    """A path, "-", or a pattern: shells complete it, and an empty one, from an unset variable, is refused."""

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        if not os.fspath(value):
            self.fail("the name is empty", param, ctx)
        return super().convert(value, param, ctx)


class FiniteNumber(click.FloatRange):
    """`click.FloatRange` alone lets "nan" through."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number", param, ctx)
        return number


class PositiveNumber(FiniteNumber):
    """Above 0, and finite."""

    def __init__(self) -> None:
        super().__init__(0, min_open=True)


class Size(click.ParamType):
    """Width and height in pixels, as in 640x480."""

    name = "WxH"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        match = re.fullmatch(r"([1-9]\d{0,6})[xX]([1-9]\d{0,6})", value)
        if match is None:
            self.fail(f"{value!r} is not a width and a height, as in 640x480", param, ctx)
        return int(match[1]), int(match[2])


NAME = FileName()  # str
PATH = FileName(path_type=Path)
FOLDER = FileName(path_type=Path, file_okay=False)
