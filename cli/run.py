"""How `encode` and `decode` go through their inputs and tell of it."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import click

from ulbic.errors import PartialError, UlbicError

from .conversion import Converter, Outcome, attempt_and_remember, convert, failed, skipped
from .faults import named
from .memory import Memory, fingerprint
from .output import check_not_input, check_output, remove_leftovers, tell
from .plan import STREAM, ULB, Task, batch_tasks, is_batch, single_task
from .pool import run_tasks
from .progress import progress_bar


class Manner(NamedTuple):
    """How to go about it, whatever is done."""

    force: bool
    jobs: int
    as_json: bool
    quiet: bool
    update: bool = False  # do again what was made by other settings, or of a source that has changed


def run(
    converter: Converter,
    inputs: tuple[str, ...],
    output: str | None,
    suffix: str,
    wanted: Callable[[Path], bool],
    manner: Manner,
) -> None:
    """Converts one file, or as many as `inputs` stand for (see `plan`).

    Raises:
        UsageError: what the options ask for makes no sense.
        UlbicError: of a single file, its own; of several, PartialError where some failed.
    """
    if not is_batch(inputs, output):
        if manner.update:
            raise click.UsageError("--update is for folders, patterns and lists of files")
        task = single_task(inputs[0], output, suffix)
        doubtful = suffix == ULB and wanted(task.output) and not manner.force
        _run_single(converter, task, manner, doubtful)
    else:
        _run_batch(converter, batch_tasks(inputs, output, suffix, wanted), manner)


def _run_single(converter: Converter, task: Task, manner: Manner, doubtful: bool) -> None:
    """One file; where it is `doubtful`, the output's name says that something else was meant."""
    if task.output == STREAM:
        if manner.as_json:
            raise click.UsageError("--json and the result cannot both go to stdout")
        if sys.stdout is not None and sys.stdout.isatty():
            raise click.UsageError("the result is not for a terminal; use -o FILE, or a pipe")
    try:
        if task.output != STREAM:
            check_not_input(task.input, task.output)
            if doubtful:
                advice = f"{str(task.output)!r} has a picture's suffix, but a .ulb file is written"
                raise click.UsageError(f"{advice}; --force does it all the same")
            check_output(task.output, manner.force)
        with progress_bar(hidden=manner.quiet) as listener:
            outcome = convert(converter, task, replace=manner.force, listener=listener)
    except click.UsageError:
        raise
    except Exception as error:
        if manner.as_json:
            click.echo(json.dumps(failed(task, error).to_dict()))
        if isinstance(error, UlbicError):
            raise named(error, task.input) from None
        raise
    if manner.as_json:
        click.echo(json.dumps(outcome.to_dict()))
    elif not manner.quiet:
        for note in outcome.notes:
            tell(note)


def _run_batch(converter: Converter, tasks: list[Task], manner: Manner) -> None:
    for folder in {task.output.parent for task in tasks}:
        remove_leftovers(folder)
    settings = fingerprint(converter)
    known, left = [], []
    memory = Memory()
    for task in tasks:
        if manner.force or not os.path.exists(task.output) or task.obstacle:
            left.append(task._replace(replace=manner.force))
        elif not memory.is_stale(task.output, task.input, settings):
            known.append(skipped(task, "exists"))
        elif manner.update:
            left.append(task._replace(replace=True))
        else:
            known.append(skipped(task, "stale"))
    work = functools.partial(attempt_and_remember, converter, settings)
    with contextlib.closing(run_tasks(work, left, manner.jobs)) as outcomes:
        report(itertools.chain(known, outcomes), len(tasks), manner)


def report(outcomes: Iterable[Outcome], total: int, manner: Manner) -> None:
    """Tells of many files: a line or a step of the bar for each as it comes, then notes, totals, failures.

    Raises:
        PartialError: some failed.
    """
    started = time.perf_counter()
    told: list[Outcome] = []
    terminal = sys.stderr.isatty()
    hidden = manner.quiet or not terminal
    lines = hidden and not manner.quiet and not manner.as_json
    with click.progressbar(length=total, file=sys.stderr, show_pos=True, show_eta=True, hidden=hidden) as bar:
        for outcome in outcomes:
            told.append(outcome)
            bar.update(1)
            if manner.as_json:
                click.echo(json.dumps(outcome.to_dict()))
            elif lines:
                tell(f"{len(told)}/{total} {outcome.input}: {_result(outcome)}")
    told.sort(key=lambda outcome: outcome.input)
    if not manner.quiet:
        for outcome in told:
            for note in outcome.notes:
                tell(f"{outcome.input}: {note}")
        tell(_totals(told, time.perf_counter() - started))
        stale = sum(outcome.reason == "stale" for outcome in told)
        if stale:
            tell(f"{stale} are of other settings or of changed sources; --update does them again")
    failures = [outcome for outcome in told if outcome.status == "failed"]
    for outcome in failures:
        tell(f"{outcome.input}: {outcome.error}")
    if failures:
        raise PartialError(f"{len(failures)} of {total} files failed")


def _result(outcome: Outcome) -> str:
    if outcome.status == "done":
        return f"{outcome.output}, {outcome.output_bytes} bytes"
    return outcome.error or f"skipped, {_REASONS[outcome.reason][1]}"


_REASONS = {  # of skipping: for several and for one
    "exists": ("exist", "exists"),
    "stale": ("exist", "exists, of other settings or of a changed source"),
    "no file": ("are no files", "no file"),
}


def _totals(outcomes: list[Outcome], seconds: float) -> str:
    count = Counter(outcome.status for outcome in outcomes)
    before, after = (sum(getattr(o, field) for o in outcomes) for field in ("input_bytes", "output_bytes"))
    why = Counter(_REASONS[outcome.reason][0] for outcome in outcomes if outcome.status == "skipped")
    skipped = [f"{number} skipped because they {words}" for words, number in why.items()]
    parts = [f"{count['done']} done ({before} -> {after} bytes)", *skipped, f"{count['failed']} failed"]
    return f"{', '.join(parts)}; {seconds:.1f} s, {count['done'] / seconds:.2f} files/s"
