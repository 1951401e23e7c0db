"""Which inputs become which outputs: one file, or folders, globs and lists with their tree recreated."""

from __future__ import annotations

import glob
import itertools
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import click

from ulbic.errors import InputError, OutputError

STREAM = Path("-")  # stdin or stdout


class Task(NamedTuple):
    """One file to make."""

    input: Path
    output: Path


def is_batch(inputs: tuple[str, ...], output: str | None) -> bool:
    """Whether the command line asks for more than one plain conversion."""
    into_folder = output is not None and (output.endswith(("/", os.sep)) or Path(output).is_dir())
    return len(inputs) > 1 or into_folder or any(Path(i).is_dir() or _is_glob(i) for i in inputs)


def single_task(source: str, output: str | None, suffix: str) -> Task:
    """The task of one input; without an output it lies beside the input, or goes from stdin to stdout."""
    if output is not None:
        return Task(Path(source), Path(output))
    return Task(Path(source), STREAM if source == "-" else Path(source).with_suffix(suffix))


def batch_tasks(
    inputs: tuple[str, ...], output: str | None, suffix: str, wanted: Callable[[Path], bool]
) -> list[Task]:
    """One task a file, in the order of the inputs, folders in alphabetical order.

    Args:
        output: the folder for the results; without it each lies beside its input.
        suffix: of the outputs. Where `a.jpg` and `a.png` would meet, they become `a.jpg.ulb` and `a.png.ulb`.
        wanted: which files of a folder to take; what is named itself is always taken.

    Raises:
        UsageError: two inputs would become the same output, or one is stdin, or stdout is to take several.
        InputError: there is nothing to do.
        OutputError: `output` is a file.
    """
    if "-" in (*inputs, output):
        raise click.UsageError("'-' stands for a single file; several need files or folders")
    if output is not None and Path(output).exists() and not Path(output).is_dir():
        raise OutputError(f"cannot write to {output!r}: it is not a folder")
    found = list(dict.fromkeys(pair for source in inputs for pair in _expand(source, wanted)))
    if not found:
        raise InputError(f"nothing to do: no files found in {', '.join(map(repr, inputs))}")
    names = [(path, path.parent if output is None else Path(output) / folder) for path, folder in found]
    shared = Counter(folder / path.stem for path, folder in names)
    tasks = [
        Task(path, folder / ((path.name if shared[folder / path.stem] > 1 else path.stem) + suffix))
        for path, folder in names
    ]
    outputs: dict[Path, Path] = {}
    for task in tasks:
        first = outputs.setdefault(task.output, task.input)
        if first != task.input:
            raise click.UsageError(f"{str(first)!r} and {str(task.input)!r} would both become {task.output}")
    return tasks


def _is_glob(source: str) -> bool:
    return glob.has_magic(source) and not Path(source).exists()


def _expand(source: str, wanted: Callable[[Path], bool]) -> list[tuple[Path, Path]]:
    """The files that an argument stands for, each with its folder below the output folder."""
    if _is_glob(source):
        root = _fixed_part(Path(source))
        matches = [Path(match) for match in sorted(glob.glob(source, recursive=True))]
        files = [f for m in matches for f in ([m] if m.is_file() else filter(wanted, _walk(m)))]
    elif Path(source).is_dir():
        root = Path(source)
        files = list(filter(wanted, _walk(root)))
    else:
        return [(Path(source), Path())]
    return [(path, path.parent.relative_to(root)) for path in files]


def _fixed_part(pattern: Path) -> Path:
    """The folder that a glob starts from."""
    parts = itertools.takewhile(lambda part: not glob.has_magic(part), pattern.parts)
    return Path(*parts)


def _walk(folder: Path) -> list[Path]:
    """All files below a folder but hidden ones, which a broken-off run may have left."""
    files = []
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [Path(root, name) for name in sorted(names) if not name.startswith(".")]
    return files
