"""Examples at the end of a verb's help, from where the manual takes them."""

from __future__ import annotations

_HEAD = "\b\nExamples:\n"  # \b: click keeps the lines as they are


def with_examples(*lines: str, note: str = "") -> str:
    """A verb's epilog: what `note` says, then one command a line."""
    shown = _HEAD + "".join(f"  {line}\n" for line in lines)
    return f"{note}\n\n{shown}" if note else shown


def without_examples(epilog: str) -> tuple[str, list[str]]:
    """The note and the commands of which an epilog was made."""
    note, _, lines = epilog.partition(_HEAD)
    return note.strip(), [line.strip() for line in lines.splitlines()]
