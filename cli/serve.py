"""`ulbic serve`."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ulbic.errors import UlbicError

from .examples import with_examples
from .options import device_option, weights_option

if TYPE_CHECKING:
    from .web.jobs import Event

ADDRESS = "127.0.0.1"  # the loop-back address: no other computer reaches it
GRACE, PATIENCE = 1, 2  # seconds that answers under way, and then the worker thread, are given at the end

EXAMPLES = with_examples(
    "ulbic serve --open --port 9000",
)


@click.command("serve", epilog=EXAMPLES)
@click.option(
    "-p",
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    default=8765,
    show_default=True,
    help="0: any free one.",
)
@click.option("--open", "open_browser", is_flag=True, help="Open the page in the browser.")
@device_option
@weights_option
def command(port: int, open_browser: bool, device: str, weights: Path | None) -> None:
    """Serve a page, to this computer only, to try the codec on (needs `pip install 'ulbic[web]'`).

    Pictures stay in memory and are forgotten with their answer. Ctrl-C ends it.
    """
    try:
        import uvicorn

        from .web.app import create_app, local_hosts
    except ModuleNotFoundError as error:
        if error.name not in ("uvicorn", "starlette"):
            raise
        raise UlbicError("this verb needs a server library: pip install 'ulbic[web]'") from None
    from .web.jobs import Worker
    from .web.work import Coder, warm_up

    with _listening(port) as listener:
        port = listener.getsockname()[1]
        url = f"http://{ADDRESS}:{port}/"
        coder, worker = Coder(device, weights), Worker()
        worker.submit(warm_up(coder), _complain)
        config = uvicorn.Config(
            create_app(local_hosts(port), coder, worker),
            log_level="critical",
            access_log=False,
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=GRACE,
        )
        click.echo(f"serving {url} to this computer; Ctrl-C ends it")
        if open_browser:
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])
    if not worker.ended(PATIENCE):
        sys.stdout.flush()
        os._exit(0)  # a thread within PyTorch cannot be stopped, and would make a crash of an orderly exit


def _complain(event: Event | None) -> None:
    """Tells of weights or a device that cannot be used as soon as that is known."""
    if event is not None and "error" in event.fields:
        click.echo(f"ulbic: {event.fields['error']}", err=True)


def _listening(port: int) -> socket.socket:
    """A socket on which browsers can knock from now on.

    Raises:
        UlbicError: the port is taken, or not for this user.
    """
    try:
        return socket.create_server((ADDRESS, port))
    except OSError as error:
        raise UlbicError(f"cannot listen on port {port}: {os.strerror(error.errno or 0)}") from None
