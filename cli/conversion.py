"""One file to another, by either verb: what comes of it, with the notes that were made on the way."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from ulbic.bitstream.container import Header
from ulbic.errors import ConversionNote, UlbicError

from .output import check_output, make_folder, read_stdin, write_output
from .plan import STREAM, Task


class Converted(NamedTuple):
    """What a converter returns."""

    data: bytes  # of the output
    header: Header  # of the .ulb file, on whichever side it is
    ulb_bytes: int  # its size


Converter = Callable[[Path | bytes, Path], Converted]  # from a path or stdin's bytes, for the output's path


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The account of one task, a line of JSON; sizes are 0 where it was not done."""

    input: str
    output: str
    status: str  # "done", "skipped" or "failed"
    input_bytes: int = 0
    output_bytes: int = 0
    width: int = 0
    height: int = 0
    bpp: float = 0.0  # of the .ulb file
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    error: str = ""
    exit_code: int = 0  # what the failure alone would end the command with

    def to_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def convert(converter: Converter, task: Task) -> Outcome:
    """Reads, converts and writes one file.

    Raises:
        UlbicError: one of its kinds for every cause.
    """
    started = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        source = read_stdin() if task.input == STREAM else task.input
        data, header, ulb_bytes = converter(source, task.output)
    write_output(task.output, data)
    return Outcome(
        input=str(task.input),
        output=str(task.output),
        status="done",
        input_bytes=len(source) if isinstance(source, bytes) else source.stat().st_size,
        output_bytes=len(data),
        width=header.width,
        height=header.height,
        bpp=8 * ulb_bytes / (header.width * header.height),
        seconds=time.perf_counter() - started,
        notes=tuple(_line(w.category, w.message) for w in caught if issubclass(w.category, UserWarning)),
    )


def attempt(converter: Converter, force: bool, task: Task) -> Outcome:
    """The same for one of many: no error stops the others, and what exists is complete and skipped."""
    if task.output.exists() and not force:
        return Outcome(input=str(task.input), output=str(task.output), status="skipped")
    try:
        make_folder(task.output.parent)
        check_output(task.output, force)
        return convert(converter, task)
    except UlbicError as error:
        message, code = str(error), error.exit_code
    except Exception as error:  # a fault of ours, or no memory: the other files are worth going on for
        message, code = f"{type(error).__name__}: {error}", UlbicError.exit_code
    return Outcome(
        input=str(task.input), output=str(task.output), status="failed", error=message, exit_code=code
    )


def _line(category: type[Warning], message: Warning | str) -> str:
    return f"{'note' if issubclass(category, ConversionNote) else 'warning'}: {message}"
