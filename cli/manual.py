"""The man page and the reference in docs/cli.md, both made of the commands' own help.

`python -m ulbic.cli.manual FOLDER` (`make manual`) writes them into a checkout.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

import ulbic

from .examples import without_examples
from .main import DEBUG, cli
from .memory import NAME as RESULTS

MAN_PAGE, REFERENCE = Path("share/man/man1/ulbic.1"), Path("docs/cli.md")
MARK = "<!-- From here on made by `make manual` of the commands' own help. -->\n"
EXIT_STATUS = {
    "0": "done",
    "1": "anything not listed below",
    "2": "wrong usage",
    "3": "the input cannot be read",
    "4": "the input is not a picture",
    "5": "the input is not a .ulb file",
    "6": "a file of the future: its version or its index mode",
    "7": "the file is damaged",
    "8": "weights missing, or the file was made with others",
    "9": "the output cannot be written, or exists",
    "10": "too many pixels",
    "11": "done in part: some of several inputs failed, with a line each",
    "12": "`--strict`: no file of the picture is within the target",
    "130, 143": "interrupted (Ctrl-C); terminated",
}
ENVIRONMENT = {
    DEBUG: "If set, errors also show where in the code they were raised.",
    "RAY_ADDRESS": "The Ray cluster of `ulbic encode-batch`, where --address names none.",
}
FILES = {
    RESULTS: "In a folder of results: what each was made of, for the next run with the same folder.",
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What the manual says of one command."""

    name: str  # "ulbic weights list"
    usage: str  # "[OPTIONS]", and its arguments
    paragraphs: tuple[str, ...]
    options: tuple[tuple[str, str], ...]  # "-q, --quality 1..8" and its help; without --help
    examples: tuple[str, ...]

    @property
    def summary(self) -> str:
        """The first sentence, without its full stop."""
        return self.paragraphs[0].split(". ")[0].removesuffix(".")


def entries() -> list[Entry]:
    """The program itself, then every command in the order of `ulbic --help`."""
    return list(_entries(cli, "ulbic", None))


def _entries(command: click.Command, name: str, above: click.Context | None) -> Iterator[Entry]:
    context = click.Context(command, parent=above, info_name=name.split()[-1])
    note, examples = without_examples(command.epilog or "")
    text = f"{command.help}\n\n{note}"
    records = (
        param.get_help_record(context)
        for param in command.params
        if isinstance(param, click.Option) and "--help" not in param.opts
    )
    yield Entry(
        name=name,
        usage=" ".join(command.collect_usage_pieces(context)),
        paragraphs=tuple(" ".join(part.split()) for part in text.split("\n\n") if part.strip()),
        options=tuple(record for record in records if record is not None),
        examples=tuple(examples),
    )
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            assert found is not None
            yield from _entries(found, f"{name} {below}", context)


def man_page() -> str:
    """The page in man(7)'s language."""
    program, *commands = entries()
    lines = [f'.TH ULBIC 1 "" "ulbic {ulbic.__version__}" "User Commands"']
    lines += [".SH NAME", _roff("ulbic - image codec for ultra-low bitrates"), ".SH SYNOPSIS"]
    for entry in commands:
        lines += [f".B {_roff(entry.name)}", _roff(entry.usage), ".br"]
    lines.append(".SH DESCRIPTION")
    for text in program.paragraphs:
        if not text.startswith("Exit codes"):
            lines += [".PP", _roff(text)]
    lines.append(".SH OPTIONS")
    lines += _definitions([*program.options, ("-h, --help", "Show the help of ulbic, or of a command.")])
    lines.append(".SH COMMANDS")
    for entry in commands:
        lines.append(f'.SS "{_roff(entry.name)} {_roff(entry.usage)}"')
        lines += [line for text in entry.paragraphs for line in (".PP", _roff(text))]
        lines += _definitions(entry.options)
    lines.append('.SH "EXIT STATUS"')
    lines += _definitions([(code, f"{text[0].upper()}{text[1:]}.") for code, text in EXIT_STATUS.items()])
    for title, table in (("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)):
        lines += [f".SH {title}", *_definitions(table.items())]
    lines += [".SH EXAMPLES", ".nf"]
    lines += [_roff(line) for entry in commands for line in entry.examples]
    lines += [".fi", '.SH "SEE ALSO"', ".BR cwebp (1),", ".BR avifenc (1),", ".BR cjxl (1)"]
    return "\n".join(lines) + "\n"


def _definitions(pairs: Iterable[tuple[str, str]]) -> list[str]:
    return [line for term, text in pairs for line in (".TP", f".B {_roff(term)}", _roff(text))]


def _roff(text: str) -> str:
    """Text as it stands, for man(7): hyphens that can be copied, no quotation marks of Markdown's."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def reference() -> str:
    """The commands in Markdown."""
    parts = []
    for entry in entries()[1:]:
        parts += [f"## {entry.name}", f"`{entry.name} {entry.usage}`".replace(" `", "`"), *entry.paragraphs]
        if entry.options:
            parts.append("\n".join(f"- `{term}`: {text}" for term, text in entry.options))
        if entry.examples:
            parts.append("\n".join(["```console", *(f"$ {line}" for line in entry.examples), "```"]))
    return "\n\n".join(parts) + "\n"


def write(root: Path) -> None:
    """Writes both into a checkout; what stands above the mark in the reference stays."""
    (root / MAN_PAGE).write_text(man_page(), encoding="utf-8")
    path = root / REFERENCE
    own = path.read_text(encoding="utf-8").partition(MARK)[0]
    path.write_text(f"{own}{MARK}\n{reference()}", encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
