"""Which inputs become which outputs: one file, or folders, globs and lists with their tree recreated."""

from __future__ import annotations

import glob
import itertools
import os
import stat
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import click

from ulbic.errors import InputError, OutputError

from .arguments import STREAM, ULB
from .lists import is_list, names_in
from .template import Template


class Task(NamedTuple):
    """One file to make."""

    input: Path
    output: Path
    obstacle: str = ""  # why it is not made: what was found in a folder is no file that could be read
    replace: bool = False  # make it although it exists


class Found(NamedTuple):
    """A file that an argument stands for."""

    path: Path
    folder: Path  # its own below the output folder
    obstacle: str = ""


def is_batch(inputs: tuple[str, ...], output: str | None) -> bool:
    """Whether the command line asks for more than one plain conversion."""
    into_folder = output is not None and (output.endswith(("/", os.sep)) or os.path.isdir(output))
    several = any(os.path.isdir(i) or _is_glob(i) or is_list(i) for i in inputs)
    return len(inputs) > 1 or into_folder or several


def single_task(source: str, output: str | None, suffix: str) -> Task:
    """The task of one input; without an output it lies beside the input, or goes from stdin to stdout."""
    if output is None:
        file = Path(source)
        path = STREAM if file == STREAM else _output(file.parent, file.stem, suffix, file)
    else:
        path = Path(output)
    return Task(Path(source), path)


def batch_tasks(
    inputs: tuple[str, ...],
    output: str | None,
    suffix: str,
    wanted: Callable[[Path], bool],
    template: Template | None = None,
) -> list[Task]:
    """One task a file, in the order of the inputs, folders in alphabetical order.

    Args:
        output: the folder for the results; without it each lies beside its input.
        suffix: of the outputs. Where `a.jpg` and `a.png` would meet, they become `a.jpg.ulb` and `a.png.ulb`.
            A decoded picture that comes to lie beside its .ulb file is called `a.decoded.png`: `a.png` is
            the original's name.
        wanted: which files of a folder to take; what is named itself is always taken.
        template: what the outputs are called, instead of all that.

    Raises:
        UsageError: two inputs would become the same output, or one is stdin, or stdout is to take several.
        InputError: there is nothing to do.
        OutputError: `output` is a file, or a result would take the place of one of the inputs.
    """
    if "-" in (*inputs, output, template and template.text):
        raise click.UsageError("'-' stands for a single file; several need files or folders")
    if output is not None and os.path.exists(output) and not os.path.isdir(output):
        raise OutputError(f"cannot write to {output!r}: it is not a folder")
    found = files_of(inputs, wanted)
    if template is not None:
        paths = [template.path(one.path, one.folder, suffix) for one in found]
    else:
        paths = _usual_outputs(found, output, suffix)
    tasks = [Task(one.path, path, one.obstacle) for one, path in zip(found, paths, strict=True)]
    outputs: dict[Path, Path] = {}
    for task in tasks:
        first = outputs.setdefault(task.output, task.input)
        if first != task.input:
            raise click.UsageError(f"{str(first)!r} and {str(task.input)!r} would both become {task.output}")
    _keep_inputs(tasks)
    return tasks


def files_of(inputs: tuple[str, ...], wanted: Callable[[Path], bool]) -> list[Found]:
    """What the arguments stand for, each file once; of folders only those `wanted`.

    Raises:
        InputError: there is nothing.
    """
    found = list(dict.fromkeys(one for source in inputs for one in _expand(source, wanted)))
    if not found:
        raise InputError(f"nothing to do: no files found in {', '.join(map(repr, inputs))}")
    return found


def obstacle(path: Path) -> str:
    """Why what lies in a folder is not read: it is no regular file. Empty for files, and for broken links."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return ""  # reading it will say why
    if stat.S_ISREG(mode):
        return ""
    kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFDIR: "a folder"}
    return f"it is {kinds.get(stat.S_IFMT(mode), 'a device')}, not a file"


def _usual_outputs(found: list[Found], output: str | None, suffix: str) -> list[Path]:
    """As `batch_tasks` says, in the folder `output` or beside the inputs."""
    folders = [one.path.parent if output is None else Path(output) / one.folder for one in found]
    places = list(zip(found, folders, strict=True))
    shared = Counter(folder / one.path.stem for one, folder in places)
    names = [one.path.name if shared[folder / one.path.stem] > 1 else one.path.stem for one, folder in places]
    return [
        _output(folder, name, suffix, one.path) for name, (one, folder) in zip(names, places, strict=True)
    ]


def _output(folder: Path, name: str, suffix: str, source: Path) -> Path:
    """The result's path; beside its source, what is decoded keeps off the original's name."""
    decoded = suffix != ULB and _same_folder(folder, source.parent)
    return folder / f"{name}{'.decoded' if decoded else ''}{suffix}"


def _same_folder(one: Path, other: Path) -> bool:
    return one == other or (os.path.isdir(one) and os.path.isdir(other) and os.path.samefile(one, other))


def _keep_inputs(tasks: list[Task]) -> None:
    """Refuses tasks of which one would overwrite an input, its own or another's, by whatever name.

    Raises:
        OutputError: there is one.
    """
    inputs = {_identity(task.input) for task in tasks}
    for task in tasks:
        identity = _identity(task.output)
        if identity is not None and identity in inputs:
            raise OutputError(f"cannot write {str(task.output)!r}: it is an input; name another by -o")


def _identity(path: Path) -> tuple[int, int] | None:
    """What all names of a regular file have in common; None for anything else."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    file = path != STREAM and stat.S_ISREG(status.st_mode)
    return (status.st_dev, status.st_ino) if file else None


def _is_glob(source: str) -> bool:
    return glob.has_magic(source) and not os.path.lexists(source)


def _expand(source: str, wanted: Callable[[Path], bool]) -> list[Found]:
    """The files that an argument stands for; what it names itself is taken as it is."""
    if is_list(source):
        return [one for name in names_in(source) for one in _below(name, wanted)]
    if _is_glob(source):
        root = _fixed_part(Path(source))
        matches = [Path(match) for match in sorted(glob.glob(source, recursive=True))]
        files = [f for m in matches for f in (filter(wanted, _walk(m)) if os.path.isdir(m) else [m])]
        return _found(files, root)
    return _below(source, wanted)


def _below(name: str, wanted: Callable[[Path], bool]) -> list[Found]:
    """A file that is named, or those of a folder."""
    path = Path(name)
    return _found(list(filter(wanted, _walk(path))), path) if os.path.isdir(path) else [Found(path, Path())]


def _found(files: list[Path], root: Path) -> list[Found]:
    return [Found(path, path.parent.relative_to(root), obstacle(path)) for path in files]


def _fixed_part(pattern: Path) -> Path:
    """The folder that a glob starts from."""
    parts = itertools.takewhile(lambda part: not glob.has_magic(part), pattern.parts)
    return Path(*parts)


def _walk(folder: Path) -> list[Path]:
    """Everything below a folder but folders and what is hidden, which a broken-off run may have left."""
    files = []
    for root, folders, names in os.walk(folder, onerror=_warn_of_folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [Path(root, name) for name in sorted(names) if not name.startswith(".")]
    return files


def _warn_of_folder(error: OSError) -> None:
    warnings.warn(f"cannot list {error.filename!r}: {error.strerror}", stacklevel=2)
