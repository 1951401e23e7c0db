"""One file to another, by either verb: what comes of it, with the notes that were made on the way."""

from __future__ import annotations

import contextlib
import logging
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ulbic.bitstream.container import Header
from ulbic.errors import ConversionNote
from ulbic.files import check_readable

from .arguments import STREAM
from .faults import fault
from .memory import look_at, remember
from .output import ExistsError, check_not_input, check_output, make_folder, read_stdin, write_output
from .plan import Task
from .signals import came
from .verbose import about

_LOG = logging.getLogger(__name__)

if TYPE_CHECKING:
    from ulbic.codec.progress import Listener


class Converted(NamedTuple):
    """What a converter returns."""

    data: bytes  # of the output
    header: Header  # of the .ulb file, on whichever side it is
    ulb_bytes: int  # its size


SKIPPED = {  # why, of several and of one
    "exists": ("exist", "exists"),
    "stale": ("exist", "exists, of other settings or of a changed source"),
    "no file": ("are no files", "no file"),
}


class Converter(Protocol):
    """From a path or stdin's bytes, for the output's path; the listener hears what share is done."""

    def __call__(
        self, source: Path | bytes, output: Path, listener: Listener | None = None, /
    ) -> Converted: ...


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The account of one task, a line of JSON; sizes are 0 where it was not done."""

    input: str
    output: str
    status: str  # "done", "skipped" or "failed"; of a dry run "planned"
    reason: str = ""  # of skipping: a key of SKIPPED; of a dry run's "planned": "new", "forced" or "stale"
    input_bytes: int = 0
    output_bytes: int = 0
    width: int = 0
    height: int = 0
    bpp: float = 0.0  # of the .ulb file
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    error: str = ""
    exit_code: int = 0  # what the failure alone would end the command with

    @property
    def words(self) -> str:
        """Why it was skipped."""
        return SKIPPED[self.reason][1]

    def to_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def convert(converter: Converter, task: Task, *, replace: bool, listener: Listener | None = None) -> Outcome:
    """Reads, converts and writes one file.

    Args:
        replace: take the place of an output that is there.

    Raises:
        UlbicError: one of its kinds for every cause.
    """
    started = time.perf_counter()
    check_not_input(task.input, task.output)
    with about(task.input), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        source = read_stdin() if task.input == STREAM else task.input
        data, header, ulb_bytes = converter(source, task.output, listener)
        _LOG.info("%d bytes for %s in %.2f s", len(data), task.output, time.perf_counter() - started)
    write_output(task.output, data, replace=replace)
    notes = (_line(w.category, w.message) for w in caught if issubclass(w.category, UserWarning))
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
        notes=tuple(dict.fromkeys(notes)),
    )


def attempt(converter: Converter, force: bool, task: Task) -> Outcome:
    """The same for one of many: no error stops the others, and what exists is complete and skipped."""
    if task.obstacle:
        return skipped(task, "no file", f"note: {task.obstacle}")
    try:
        check_readable(task.input)
        make_folder(task.output.parent)
        check_output(task.output, force)
        return convert(converter, task, replace=force)
    except ExistsError:
        return skipped(task, "exists")
    except Exception as error:  # a fault of ours, or no memory: the other files are worth going on for
        if came:  # or an import that a signal broke off
            raise
        return failed(task, error)


def attempt_and_remember(converter: Converter, settings: str, task: Task) -> Outcome:
    """`attempt`, with a note of it beside the result for later runs; `settings` are their fingerprint."""
    source = None
    with contextlib.suppress(OSError):
        if not task.obstacle and task.input.is_file():
            source = look_at(task.input)
    outcome = attempt(converter, task.replace, task)
    if outcome.status == "done" and source is not None:
        remember(task.output, settings, source)
    return outcome


def skipped(task: Task, reason: str, *notes: str) -> Outcome:
    """The account of a task that was not tried."""
    return Outcome(
        input=str(task.input), output=str(task.output), status="skipped", reason=reason, notes=notes
    )


def failed(task: Task, error: BaseException) -> Outcome:
    """The account of a task that an error ended."""
    text, code = fault(error)
    return Outcome(
        input=str(task.input), output=str(task.output), status="failed", error=text, exit_code=code
    )


def _line(category: type[Warning], message: Warning | str) -> str:
    return f"{'note' if issubclass(category, ConversionNote) else 'warning'}: {message}"
