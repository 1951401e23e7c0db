"""How `encode` and `decode` go through their inputs and tell of it."""

from __future__ import annotations

import functools
import itertools
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import click

from ulbic.errors import PartialError

from .conversion import Converter, Outcome, attempt_and_remember, convert, failed, skipped
from .memory import Memory, fingerprint
from .output import check_output, remove_leftovers
from .plan import STREAM, Task, batch_tasks, is_batch, single_task
from .pool import run_tasks


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
        UlbicError: of a single file, its own; of several, PartialError where some failed.
    """
    if not is_batch(inputs, output):
        if manner.update:
            raise click.UsageError("--update is for folders, patterns and lists of files")
        _run_single(converter, single_task(inputs[0], output, suffix), manner)
    else:
        _run_batch(converter, batch_tasks(inputs, output, suffix, wanted), manner)


def _run_single(converter: Converter, task: Task, manner: Manner) -> None:
    if task.output == STREAM:
        if manner.as_json:
            raise click.UsageError("--json and the result cannot both go to stdout")
        if sys.stdout is not None and sys.stdout.isatty():
            raise click.UsageError("the result is not for a terminal; use -o FILE, or a pipe")
    try:
        if task.output != STREAM:
            check_output(task.output, manner.force)
        outcome = convert(converter, task, replace=manner.force)
    except Exception as error:
        if manner.as_json:
            click.echo(json.dumps(failed(task, error).to_dict()))
        raise
    if manner.as_json:
        click.echo(json.dumps(outcome.to_dict()))
    elif not manner.quiet:
        for note in outcome.notes:
            click.echo(f"ulbic: {note}", err=True)


def _run_batch(converter: Converter, tasks: list[Task], manner: Manner) -> None:
    for folder in {task.output.parent for task in tasks}:
        remove_leftovers(folder)
    settings = fingerprint(converter)
    known, left = [], []
    memory = Memory()
    for task in tasks:
        if manner.force or not task.output.exists() or task.obstacle:
            left.append(task._replace(replace=manner.force))
        elif not memory.is_stale(task.output, task.input, settings):
            known.append(skipped(task, "exists"))
        elif manner.update:
            left.append(task._replace(replace=True))
        else:
            known.append(skipped(task, "stale"))
    work = functools.partial(attempt_and_remember, converter, settings)
    outcomes = itertools.chain(known, run_tasks(work, left, manner.jobs) if left else ())
    report(outcomes, len(tasks), manner)


def report(outcomes: Iterable[Outcome], total: int, manner: Manner) -> None:
    """Tells of many files: a line of JSON or a step of the bar for each, then notes, totals and failures.

    Raises:
        PartialError: some failed.
    """
    started = time.perf_counter()
    told = []
    hidden = manner.quiet or not sys.stderr.isatty()
    with click.progressbar(length=total, file=sys.stderr, show_pos=True, show_eta=True, hidden=hidden) as bar:
        for outcome in outcomes:
            told.append(outcome)
            bar.update(1)
            if manner.as_json:
                click.echo(json.dumps(outcome.to_dict()))
    told.sort(key=lambda outcome: outcome.input)
    if not manner.quiet:
        for outcome in told:
            for note in outcome.notes:
                click.echo(f"ulbic: {outcome.input}: {note}", err=True)
        click.echo(_totals(told, time.perf_counter() - started), err=True)
        stale = sum(outcome.reason == "stale" for outcome in told)
        if stale:
            advice = "--update does them again"
            click.echo(f"ulbic: {stale} are of other settings or of changed sources; {advice}", err=True)
    failed = [outcome for outcome in told if outcome.status == "failed"]
    for outcome in failed:
        click.echo(f"ulbic: {outcome.input}: {outcome.error}", err=True)
    if failed:
        raise PartialError(f"{len(failed)} of {total} files failed")


_REASONS = {"exists": "exist", "stale": "exist", "no file": "are no files"}


def _totals(outcomes: list[Outcome], seconds: float) -> str:
    count = Counter(outcome.status for outcome in outcomes)
    before, after = (sum(getattr(o, field) for o in outcomes) for field in ("input_bytes", "output_bytes"))
    why = Counter(_REASONS[outcome.reason] for outcome in outcomes if outcome.status == "skipped")
    skipped = [f"{number} skipped because they {words}" for words, number in why.items()]
    parts = [f"{count['done']} done ({before} -> {after} bytes)", *skipped, f"{count['failed']} failed"]
    return f"{', '.join(parts)}; {seconds:.1f} s, {count['done'] / seconds:.2f} files/s"
