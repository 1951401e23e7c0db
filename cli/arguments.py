"""Names of files on the command line."""

from __future__ import annotations

import glob
import math
import os
import re
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

STREAM = Path("-")  # stdin or stdout
LIST = "@"  # before the name of a list of inputs
ULB = ".ulb"


class FileName(click.Path):
    """A path: shells complete it, and an empty one, from an unset variable, is refused."""

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        if not os.fspath(value):
            self.fail("the name is empty", param, ctx)
        return super().convert(value, param, ctx)


class InputName(FileName):
    """A path, "-", a pattern, or "@" and the path of a list, which shells complete as well."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        given = ctx.params.get(param.name or "") or ()
        after_mark = given[-1:] == (LIST,)  # bash breaks the word there, and yet replaces all of it
        is_list = after_mark or incomplete.startswith(LIST)
        lists = _beginning(incomplete.removeprefix(LIST)) if is_list else []
        if len(lists) == 1 and os.path.isdir(lists[0]):  # what is in it, or a space would end the name
            lists += _beginning(os.path.join(lists[0], ""))
        if lists:
            return [CompletionItem(LIST + name) for name in lists]
        return super().shell_complete(ctx, param, incomplete)


def _beginning(start: str) -> list[str]:
    """Names of files and folders that begin so, hidden ones only where a dot was given."""
    return sorted(glob.glob(f"{glob.escape(start)}*"))


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
INPUT = InputName()  # str
PATH = FileName(path_type=Path)
FOLDER = FileName(path_type=Path, file_okay=False)
