"""The command group, and the one place where errors become lines on stderr and exit codes."""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import os
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import click

import ulbic
from ulbic.errors import ConversionNote

from .faults import fault, is_of_stdout
from .output import mute, tell
from .signals import end_at_once, ended_by_signal, open_standard_streams, raise_stopped

VERBS = (
    *("encode", "decode", "info", "compare", "serve", "bench", "demo", "doctor", "encode-batch", "weights"),
    *("generate", "inpaint", "outpaint", "uncrop"),
)
DEBUG = "ULBIC_TRACEBACK"  # an environment variable: where in the code an error was raised


class LazyGroup(click.Group):
    """Loads a verb's module when the verb is called, and turns every error into a line and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"ulbic.cli.{name.replace('-', '_')}").command
        return command

    def invoke(self, ctx: click.Context) -> None:
        warnings.showwarning = _show_warning
        try:
            super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except (Exception, KeyboardInterrupt) as error:
            ctx.exit(_report(error))

    def main(self, *args: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Also what goes wrong before a verb is called, or when it is asked for its help."""
        command: Callable[..., Any] = super().main
        run = functools.partial(command, *args, standalone_mode=False, **extra)
        if not standalone_mode:
            return run()
        try:
            code = run()
        except click.ClickException as error:
            code = error.exit_code
            with contextlib.suppress(OSError):
                error.show()
        except click.Abort as error:
            code = _report(error.__cause__ or KeyboardInterrupt())
        except (Exception, KeyboardInterrupt) as error:
            code = _report(error)
        sys.exit(code)


def _report(error: BaseException) -> int:
    """Says what happened in one line, and returns the exit code."""
    stopped = ended_by_signal(error)
    text, code = (str(stopped), stopped.exit_code) if stopped else fault(error)
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    if is_of_stdout(error) and sys.stdout is sys.__stdout__:
        mute(1)
    tell(text)
    return code


def _show_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    if issubclass(category, UserWarning):
        kind = "note" if issubclass(category, ConversionNote) else "warning"
        tell(f"{kind}: {message}")


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(ulbic.__version__, "-V", "--version", prog_name="ulbic")
def cli() -> None:
    """Image codec for ultra-low bitrates (about 0.01 to 0.1 bits per pixel).

    Fine detail in a decoded picture may be invented: not for pictures whose details are evidence.

    Exit codes: 0 done, 2 wrong usage, 3 unreadable input, 4 not a picture, 5 not a .ulb file,
    6 unknown version, 7 damaged file, 8 weights missing or of another model, 9 output not written,
    10 too large, 11 done in part, 12 no file within the budget, 130 interrupted, 143 terminated,
    1 anything else.
    """


def main() -> None:
    """The command as a process of its own."""
    open_standard_streams()
    # Importing torch makes hundreds of thousands of objects that live to the end: searching them for garbage,
    # on the way and at the exit, would take half a second of every command.
    gc.set_threshold(100_000)
    atexit.register(_forgo_last_collection)
    raise_stopped()
    try:
        cli()
    finally:
        end_at_once()


def _forgo_last_collection() -> None:
    if "triton" not in sys.modules:  # it would report all that is left as leaked
        gc.freeze()
