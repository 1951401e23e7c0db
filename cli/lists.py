"""Lists of files: an argument `@list.txt` stands for the names in a file, and `@-` for those from stdin.

A name a line, as it stands: a file or a folder, seen from the current folder, no pattern and no further list.
Empty lines and those that begin with "#" are left out ("./#1.png" is a file). Where the list has a NUL byte,
as from `find -print0`, names end with NUL bytes instead, and none is left out.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ulbic.errors import InputError
from ulbic.files import read_bytes

from .arguments import LIST
from .output import read_stdin

STDIN = "@-"
_UTF8_MARK = b"\xef\xbb\xbf"  # what some editors begin a file with


def is_list(source: str) -> bool:
    """Whether an argument stands for a list; a file that has such a name comes first."""
    return len(source) > 1 and source.startswith(LIST) and not os.path.lexists(source)


def listed(sources: Sequence[str]) -> list[Path]:
    """Files, with those of lists in the place of the lists.

    Raises:
        InputError: a list cannot be read, or there is no file.
    """
    paths = [Path(name) for source in sources for name in (names_in(source) if is_list(source) else [source])]
    if not paths:
        raise InputError(f"nothing to do: no files in {', '.join(map(repr, sources))}")
    return paths


def names_in(source: str) -> list[str]:
    """The names that `@list.txt` stands for, in their order.

    Raises:
        InputError: the list cannot be read, or holds "-".
    """
    data = read_stdin() if source == STDIN else read_bytes(source.removeprefix(LIST))
    if b"\0" in data:
        names = [name for name in data.split(b"\0") if name]
    else:
        lines = data.removeprefix(_UTF8_MARK).replace(b"\r\n", b"\n").split(b"\n")
        names = [line for line in lines if line and not line.startswith(b"#")]
    if b"-" in names:
        raise InputError(f"{source!r} holds '-', which stands for no file in a list")
    return [os.fsdecode(name) for name in names]
