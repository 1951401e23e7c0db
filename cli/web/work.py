"""What the worker thread does: opens a file, codes a picture, codes it with another codec."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import ulbic
from ulbic.benchmarks.contact import as_large
from ulbic.benchmarks.peers import CODECS, Codec
from ulbic.cli.views import is_ulb_data, on_white, seen
from ulbic.errors import UlbicError

from .jobs import Event, Job, Tell

if TYPE_CHECKING:
    from PIL import Image

PEERS = ("vvc", "avif", "heic", "webp", "jpeg")  # those of the benchmark that the page offers
PNG, ULB = "image/png", "image/x-ulb"


class Coder(NamedTuple):
    """What codes and decodes, as in `ulbic.encode`."""

    device: str = "auto"
    weights: Path | None = None


def warm_up(coder: Coder) -> Job:
    """Loads libraries and weights, so that the first picture does not wait for them."""

    def job(tell: Tell) -> None:
        from PIL import Image

        data = ulbic.encode(Image.new("RGB", (64, 64)), **coder._asdict())
        ulbic.decode(data, **coder._asdict())

    return job


def open_file(data: bytes, coder: Coder) -> Job:
    """The picture of a file: "original" of any that Pillow reads, "decoded" of a .ulb file."""

    def job(tell: Tell) -> None:
        if not is_ulb_data(data):
            tell(_step("Reading the picture"))
            tell(_picture("original", seen(data)))
            return
        tell(_step("Decoding"))
        started = time.perf_counter()
        picture = ulbic.decode(data, **coder._asdict())
        decode_s = time.perf_counter() - started
        tell(_file("file", data, b"", picture.size))
        tell(_picture("decoded", picture, decode_s=decode_s))

    return job


def code(data: bytes, quality: int | None, target_size: int | None, coder: Coder) -> Job:
    """A picture file to a .ulb file ("file") and back ("decoded"); a target counts instead of the quality."""

    def job(tell: Tell) -> None:
        tell(_step("Encoding", 0, 2))
        started = time.perf_counter()
        file = ulbic.encode(data, quality, target_size=target_size, **coder._asdict())
        encode_s = time.perf_counter() - started
        account = ulbic.info(file)
        tell(_file("file", file, file, (account.width, account.height), encode_s=encode_s))
        tell(_step("Decoding", 1, 2))
        started = time.perf_counter()
        picture = ulbic.decode(file, **coder._asdict())
        tell(_picture("decoded", picture, decode_s=time.perf_counter() - started))

    return job


def code_with_peer(data: bytes, name: str, size: int, coder: Coder) -> Job:
    """The picture as the codec `name` shows it ("peer") in the number of bytes nearest to `size`."""

    def job(tell: Tell) -> None:
        codec = _Watched(CODECS[name], tell)
        picture = on_white(seen(data, **coder._asdict()))
        picture.info.clear()
        try:
            file = as_large(codec, picture, size)
            tell(_step(f"{codec.label}: decoding"))
            started = time.perf_counter()
            decoded = codec.decode(file)
        except (OSError, ValueError, RuntimeError) as error:  # of Pillow and of VVC's programs
            raise UlbicError(f"{codec.label} cannot code this picture: {error}") from None
        decode_s = time.perf_counter() - started
        tell(_file("peer-file", file, b"", picture.size, encode_s=codec.seconds[file]))
        tell(_picture("peer", decoded, decode_s=decode_s))

    return job


class _Watched(Codec):
    """A codec that tells of each file it makes, and remembers how long that took."""

    def __init__(self, codec: Codec, tell: Tell) -> None:
        self.name, self.label, self.settings = codec.name, codec.label, codec.settings
        self.seconds: dict[bytes, float] = {}
        self._codec, self._tell = codec, tell

    def version(self) -> str:
        return self._codec.version()

    def encode(self, picture: Image.Image, setting: int) -> bytes:
        self._tell(_step(f"{self.label}: try {len(self.seconds) + 1}"))
        started = time.perf_counter()
        data = self._codec.encode(picture, setting)
        self.seconds[data] = time.perf_counter() - started
        return data

    def decode(self, data: bytes) -> Image.Image:
        return self._codec.decode(data)


def _step(text: str, done: int = 0, of: int = 0) -> Event:
    """What begins now; `done` steps of so many lie behind it, where that is known."""
    return Event({"step": text} | ({"done_steps": done, "steps": of} if of else {}))


def _file(part: str, file: bytes, sent: bytes, size: tuple[int, int], **times: float) -> Event:
    """The figures of a file and, where the page needs it, the file itself."""
    fields = {"part": part, "bytes": len(file), "bpp": 8 * len(file) / (size[0] * size[1])}
    return Event(fields | times | ({"type": ULB} if sent else {}), sent)


def _picture(part: str, picture: Image.Image, **times: float) -> Event:
    """Exact pixels."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    fields = {"part": part, "type": PNG, "width": picture.width, "height": picture.height}
    return Event(fields | times, buffer.getvalue())
