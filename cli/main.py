"""The command group, and the one place where errors become lines on stderr and exit codes."""

from __future__ import annotations

import atexit
import gc
import importlib
import sys
import warnings

import click

import ulbic
from ulbic.errors import ConversionNote, UlbicError

VERBS = (
    *("encode", "decode", "info", "bench", "demo", "doctor", "encode-batch", "weights"),
    *("generate", "inpaint", "outpaint", "uncrop"),
)

INTERRUPTED = 130  # what shells say of Ctrl-C


class LazyGroup(click.Group):
    """Loads a verb's module when the verb is called, and turns every UlbicError into its exit code."""

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
        except UlbicError as error:
            click.echo(f"ulbic: {error}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("ulbic: interrupted", err=True)
            ctx.exit(INTERRUPTED)


def _show_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    if issubclass(category, UserWarning):
        kind = "note" if issubclass(category, ConversionNote) else "warning"
        click.echo(f"ulbic: {kind}: {message}", err=True)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(ulbic.__version__, prog_name="ulbic")
def cli() -> None:
    """Image codec for ultra-low bitrates (about 0.01 to 0.1 bits a pixel).

    Fine detail in a decoded picture may be invented: not for pictures whose details are evidence.

    Exit codes: 0 done, 2 wrong usage, 3 unreadable input, 4 not a picture, 5 not a .ulb file,
    6 unknown version, 7 damaged file, 8 weights missing or of another model, 9 output not written,
    10 too large, 11 done in part, 12 no file within the budget, 130 interrupted, 1 anything else.
    """


def main() -> None:
    """Entry point of the `ulbic` script."""
    # Importing torch makes hundreds of thousands of objects that live to the end: searching them for garbage,
    # on the way and at the exit, would take half a second of every command.
    gc.set_threshold(100_000)
    atexit.register(_forgo_last_collection)
    sys.exit(cli())


def _forgo_last_collection() -> None:
    if "triton" not in sys.modules:  # it would report all that is left as leaked
        gc.freeze()
