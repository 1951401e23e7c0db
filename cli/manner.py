"""How a verb goes about its files, whatever it does with them."""

from __future__ import annotations

from dataclasses import dataclass

import click


@dataclass(frozen=True, kw_only=True)
class Manner:
    """Options of `encode` and `decode` that change no result.

    Raises:
        UsageError: they contradict each other.
    """

    force: bool = False  # overwrite what exists
    update: bool = False  # do again what was made by other settings, or of a source that has changed
    dry_run: bool = False  # say what would be done, and do nothing
    jobs: int = 1  # processes
    as_json: bool = False
    quiet: bool = False
    verbose: bool = False

    def __post_init__(self) -> None:
        if self.quiet and self.verbose:
            raise click.UsageError("--quiet and --verbose exclude each other")
