"""`--dry-run`: what would become of each input, found out by names, permissions and settings alone."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from ulbic.errors import PartialError, UlbicError
from ulbic.files import check_readable

from .arguments import STREAM
from .conversion import Outcome, failed, skipped
from .manner import Manner
from .output import check_folder, check_not_input, check_output, is_special, tell
from .plan import Task

_HOW = {"new": "", "forced": ", overwritten", "stale": ", made again"}


def foresee(task: Task, manner: Manner) -> Outcome:
    """The account of a task that would be done (status "planned"), or skipped.

    Raises:
        UlbicError: its input cannot be read, or its output not be written.
    """
    if task.obstacle:
        return skipped(task, "no file", f"note: {task.obstacle}")
    if task.input != STREAM:
        check_readable(task.input)
    reason = "new"
    if task.output != STREAM and not is_special(task.output):
        check_not_input(task.input, task.output)
        check_folder(Path(os.path.realpath(task.output)).parent)
        if os.path.lexists(task.output):
            check_output(task.output, task.replace)
        if os.path.exists(task.output):
            reason = "forced" if manner.force else "stale"
    return Outcome(input=str(task.input), output=str(task.output), status="planned", reason=reason)


def foresee_all(known: Sequence[Outcome], left: Sequence[Task], manner: Manner) -> None:
    """Tells of many tasks, on stdout, and of how many there are of each kind.

    Args:
        known: what is skipped already.

    Raises:
        PartialError: some would fail.
    """
    outcomes = list(known)
    for task in left:
        try:
            outcomes.append(foresee(task, manner))
        except UlbicError as error:
            outcomes.append(failed(task, error))
    outcomes.sort(key=lambda outcome: outcome.input)
    for outcome in outcomes:
        show(outcome, manner)
    count = Counter(outcome.status for outcome in outcomes)
    if not manner.quiet:
        kinds = {"planned": "to write", "skipped": "to skip", "failed": "refused"}
        counts = ", ".join(f"{count[status]} {words}" for status, words in kinds.items())
        tell(f"{counts}; nothing was written")
    if count["failed"]:
        raise PartialError(f"{count['failed']} of {len(outcomes)} files would fail")


def show(outcome: Outcome, manner: Manner) -> None:
    """One line on stdout: JSON, or what would happen."""
    if manner.as_json:
        click.echo(json.dumps(outcome.to_dict()))
    elif outcome.status == "planned":
        click.echo(f"{outcome.input} -> {outcome.output}{_HOW[outcome.reason]}")
    elif outcome.status == "skipped":
        click.echo(f"{outcome.input}: skipped, {outcome.words}")
    else:
        click.echo(f"{outcome.input}: refused, {outcome.error}")
