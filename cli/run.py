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
from dataclasses import dataclass
from pathlib import Path

import click

from ulbic.errors import PartialError, UlbicError

from .arguments import STREAM
from .conversion import SKIPPED, Converter, Outcome, attempt_and_remember, convert, failed, skipped
from .faults import named
from .foresight import foresee, foresee_all, show
from .manner import Manner
from .memory import Memory, fingerprint
from .output import check_not_input, check_output, remove_leftovers, tell
from .plan import Task, batch_tasks, is_batch, single_task
from .pool import run_tasks
from .progress import progress_bar
from .template import Template
from .verbose import listening


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a command line asks for: the inputs, what is done with them, and where the results go."""

    converter: Converter
    inputs: tuple[str, ...]
    wanted: Callable[[Path], bool]  # which files of a folder are taken
    output: str | None  # file, folder or "-"
    template: Template | None  # what the results are called instead
    suffix: str  # of results that neither of both names
    check_name: Callable[[Path], object]  # raises UsageError or OutputError: no result can be called that


def run(job: Job, manner: Manner) -> None:
    """Converts one file, or as many as the inputs stand for (see `plan`); a dry run tells of it only.

    Raises:
        UsageError: what the options ask for makes no sense.
        UlbicError: of a single file, its own; of several, PartialError where some failed.
    """
    if job.output is not None and job.template is not None:
        raise click.UsageError("--output and --output-name exclude each other")
    with listening(manner.verbose):
        if job.template is not None or is_batch(job.inputs, job.output):
            _run_batch(job, manner)
        elif manner.update:
            raise click.UsageError("--update is for folders, patterns and lists of files")
        else:
            _run_single(job, single_task(job.inputs[0], job.output, job.suffix), manner)


def _run_single(job: Job, task: Task, manner: Manner) -> None:
    if task.output == STREAM:
        if manner.as_json:
            raise click.UsageError("--json and the result cannot both go to stdout")
        if sys.stdout is not None and sys.stdout.isatty():
            raise click.UsageError("the result is not for a terminal; use -o FILE, or a pipe")
    try:
        if task.output != STREAM:
            check_not_input(task.input, task.output)
            job.check_name(task.output)
            check_output(task.output, manner.force)
        if manner.dry_run:
            outcome = foresee(task._replace(replace=manner.force), manner)
        else:
            with progress_bar(hidden=manner.quiet or manner.verbose) as listener:
                outcome = convert(job.converter, task, replace=manner.force, listener=listener)
    except click.UsageError:
        raise
    except Exception as error:
        if manner.as_json:
            click.echo(json.dumps(failed(task, error).to_dict()))
        if isinstance(error, UlbicError):
            raise named(error, task.input) from None
        raise
    if manner.dry_run:
        show(outcome, manner)
    elif manner.as_json:
        click.echo(json.dumps(outcome.to_dict()))
    elif not manner.quiet:
        for note in outcome.notes:
            tell(note)


def _run_batch(job: Job, manner: Manner) -> None:
    tasks = batch_tasks(job.inputs, job.output, job.suffix, job.wanted, job.template)
    if job.template is not None:
        for task in tasks:
            job.check_name(task.output)
    settings = fingerprint(job.converter)
    known, left = _sorted(tasks, settings, manner)
    if manner.dry_run:
        foresee_all(known, left, manner)
        return
    for folder in {task.output.parent for task in tasks}:
        remove_leftovers(folder)
    work = functools.partial(attempt_and_remember, job.converter, settings)
    with contextlib.closing(run_tasks(work, left, manner.jobs, manner.verbose)) as outcomes:
        report(itertools.chain(known, outcomes), len(tasks), manner)


def _sorted(tasks: list[Task], settings: str, manner: Manner) -> tuple[list[Outcome], list[Task]]:
    """The accounts of what is there and stays, and the tasks that are left; `settings`: a fingerprint."""
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
    return known, left


def report(outcomes: Iterable[Outcome], total: int, manner: Manner) -> None:
    """Tells of many files: a line or a step of the bar for each as it comes, then notes, totals, failures.

    Raises:
        PartialError: some failed.
    """
    started = time.perf_counter()
    told: list[Outcome] = []
    terminal = sys.stderr.isatty()
    hidden = manner.quiet or manner.verbose or not terminal
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
    return outcome.error or f"skipped, {outcome.words}"


def _totals(outcomes: list[Outcome], seconds: float) -> str:
    count = Counter(outcome.status for outcome in outcomes)
    before, after = (sum(getattr(o, field) for o in outcomes) for field in ("input_bytes", "output_bytes"))
    why = Counter(SKIPPED[outcome.reason][0] for outcome in outcomes if outcome.status == "skipped")
    skipped = [f"{number} skipped because they {words}" for words, number in why.items()]
    parts = [f"{count['done']} done ({before} -> {after} bytes)", *skipped, f"{count['failed']} failed"]
    return f"{', '.join(parts)}; {seconds:.1f} s, {count['done'] / seconds:.2f} files/s"
