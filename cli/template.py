"""`--output-name`: what each result is called, as a text with fields in braces."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

FIELDS = {  # of every verb that has the option
    "parent": "the input's folder",
    "tree": "its folder below the one that was named",
    "stem": "its name without the suffix",
    "name": "its whole name",
    "suffix": "the result's suffix, dot and all",
}
_PARSER = string.Formatter()


@dataclass(frozen=True)
class Template:
    """One value of the option, checked.

    Args:
        words: values that all inputs share, by field, such as the quality.

    Raises:
        UsageError: a field does not exist, or a brace has no other.
    """

    text: str
    words: Mapping[str, str]

    def __post_init__(self) -> None:
        known = [*FIELDS, *self.words]
        try:
            parts = list(_PARSER.parse(self.text))
        except ValueError:
            raise click.UsageError(f"--output-name: braces that do not match in {self.text!r}") from None
        for _, field, form, conversion in parts:
            if field is not None and (field not in known or form or conversion):
                shown = field + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
                raise click.UsageError(f"--output-name: no field {{{shown}}}; there are {', '.join(known)}")
        if self.text.endswith("/"):
            raise click.UsageError(f"--output-name: {self.text!r} names a folder, not a file")

    def path(self, source: Path, tree: Path, suffix: str) -> Path:
        """What the result of `source` is called."""
        own = (source.parent, tree, source.stem, source.name, suffix)
        return Path(self.text.format(**dict(zip(FIELDS, map(str, own), strict=True)), **self.words))
