"""The routes of the page, and the guard before them."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import ulbic
from ulbic.bitstream.container import MAX_PIXELS
from ulbic.codec.profiles import DEFAULT_MODEL, PROFILES
from ulbic.errors import UlbicError

from .jobs import BusyError, Event, Job, Worker
from .work import PEERS, Coder, code, code_with_peer, open_file

LADDER = PROFILES.named(DEFAULT_MODEL)
MAX_UPLOAD = 256 * 2**20  # bytes
ASSETS = {
    "/": ("page.html", "text/html"),
    "/style.css": ("style.css", "text/css"),
    "/view.js": ("view.js", "text/javascript"),
    "/stream.js": ("stream.js", "text/javascript"),
    "/script.js": ("script.js", "text/javascript"),
}
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src 'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class RequestError(Exception):
    """A request that is refused: an HTTP status and one line."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status = status


def local_hosts(port: int) -> frozenset[str]:
    """The names, as a browser sends them, by which a page on this port of this computer is reached."""
    names = {"127.0.0.1", "localhost"}
    return frozenset({f"{name}:{port}" for name in names} | (names if port == 80 else set()))


def create_app(hosts: Collection[str], coder: Coder, worker: Worker) -> Starlette:
    """The application.

    Args:
        hosts: values of the Host header that are answered; any other name that leads here is a trick
            (DNS rebinding).
        coder: what codes and decodes.
        worker: does the jobs; it is closed when the server ends.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        worker.close()

    async def opened(request: Request) -> Response:
        data = await _body(request, worker)
        return _stream(worker, open_file(data, coder))

    async def encoded(request: Request) -> Response:
        names = request.query_params.keys() & {"quality", "target_size"}
        if len(names) != 1:
            raise RequestError(400, "one of quality and target_size must be given")
        quality = _whole(request, "quality", 1, len(LADDER.qualities)) if "quality" in names else None
        target = _whole(request, "target_size", 1, MAX_UPLOAD) if "target_size" in names else None
        data = await _body(request, worker)
        return _stream(worker, code(data, quality, target, coder))

    async def peer(request: Request) -> Response:
        name = request.query_params.get("codec", "")
        if name not in {entry["name"] for entry in (await run_in_threadpool(_about))["peers"]}:
            raise RequestError(400, f"there is no codec {name!r} here")
        size = _whole(request, "size", 1, MAX_UPLOAD)
        data = await _body(request, worker)
        return _stream(worker, code_with_peer(data, name, size, coder))

    routes = [Route(path, functools.partial(_asset, *asset)) for path, asset in ASSETS.items()]
    routes += [Route("/about", _told), Route("/sample", _sample)]
    for path, endpoint in {"/open": opened, "/encode": encoded, "/peer": peer}.items():
        routes.append(Route(path, endpoint, methods=["POST"]))
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, hosts=frozenset(hosts))],
        exception_handlers={RequestError: _refused, UlbicError: _failed, BusyError: _busy},
        lifespan=lifespan,
    )


class Guard:
    """Answers only to its own names, takes POST requests from its own page only, and closes the page off."""

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "")

        async def send_closed_off(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY)
            await send(message)

        answer: ASGIApp = self.app
        if host not in self.hosts:
            answer = _line(403, "this server answers on its own address only")
        elif scope["method"] not in ("GET", "HEAD") and headers.get("origin") != f"http://{host}":
            answer = _line(403, "only the page itself may ask for this")
        await answer(scope, receive, send_closed_off)


def _line(status: int, text: str) -> JSONResponse:
    return JSONResponse({"error": text}, status)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return _line(error.status, str(error))


async def _failed(request: Request, error: Exception) -> Response:
    return _line(404, str(error))


async def _busy(request: Request, error: Exception) -> Response:
    return _line(503, str(error))


async def _asset(name: str, media_type: str, request: Request) -> Response:
    text = resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
    return Response(text, media_type=media_type)


async def _told(request: Request) -> Response:
    return JSONResponse(await run_in_threadpool(_about))


@functools.cache
def _about() -> dict[str, Any]:
    """What the page must know: limits, and which other codecs there are."""
    from ulbic.benchmarks.peers import CODECS
    from ulbic.benchmarks.runner import available

    versions, missing = available([CODECS[name] for name in PEERS])
    return {
        "version": ulbic.__version__,
        "quality": LADDER.default_quality,
        "max_bytes": MAX_UPLOAD,
        "max_pixels": MAX_PIXELS,
        "peers": [{"name": name, "label": CODECS[name].label} for name in versions],
        "missing": missing,
    }


async def _sample(request: Request) -> Response:
    def read() -> bytes:
        from ulbic.cli.demo import sample_photo

        return sample_photo().read_bytes()

    return Response(await run_in_threadpool(read), media_type="image/jpeg")


def _whole(request: Request, name: str, lowest: int, highest: int) -> int:
    """A whole number from the query."""
    text = request.query_params.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 12 and lowest <= int(text) <= highest):
        raise RequestError(400, f"{name} must be a whole number from {lowest} to {highest}")
    return int(text)


async def _body(request: Request, worker: Worker) -> bytes:
    """The file that was sent, in memory, if it is not too large."""
    if worker.full:
        raise BusyError("too many jobs wait; try again when they are done")
    too_large = RequestError(413, f"the file has more than {MAX_UPLOAD} bytes")
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > MAX_UPLOAD:
        raise too_large
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > MAX_UPLOAD:
                raise too_large
            parts.append(part)
    except ClientDisconnect:
        raise RequestError(400, "the upload was broken off") from None
    return b"".join(parts)


def _stream(worker: Worker, job: Job) -> Response:
    """The events of a job as they come. A client that goes away ends the job before its next step."""
    loop = asyncio.get_running_loop()
    events: asyncio.Queue[Event | None] = asyncio.Queue()

    def listen(event: Event | None) -> None:
        loop.call_soon_threadsafe(events.put_nowait, event)

    ticket = worker.submit(job, listen)

    async def packed() -> AsyncIterator[bytes]:
        try:
            while (event := await events.get()) is not None:
                yield event.pack()
        finally:
            ticket.cancel()

    return StreamingResponse(packed(), media_type="application/octet-stream")
