"""Codes pictures in a process of its own, so that time and memory are the codec's alone. Free of torch."""

from __future__ import annotations

import os
import signal
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from .peers import Codec

MIB = 2**20
WARM_UP_SIDE = 192  # pixels


class Coded(NamedTuple):
    """A finished file, and what it took."""

    data: bytes
    decoded: Image.Image
    encode_s: float
    decode_s: float
    peak_mib: float | None


def start(codec: Codec, threads: int) -> None:
    """Prepares the process: a share of the cores, and one small picture, so that loading is not timed."""
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    grey = Image.new("RGB", (WARM_UP_SIDE, WARM_UP_SIDE), "grey")
    with suppress(Exception):  # the first real picture will say what is wrong
        codec.decode(codec.encode(grey, codec.settings[0]))


def code(codec: Codec, picture: Image.Image, setting: int) -> Coded:
    """Encodes to a file's bytes and decodes from these alone."""
    forget_peak()
    started = time.perf_counter()
    data = codec.encode(picture, setting)
    encoded = time.perf_counter()
    decoded = codec.decode(data)
    done = time.perf_counter()
    if decoded.size != picture.size:
        raise ValueError(f"{codec.name} returned {decoded.size} for a picture of {picture.size}")
    return Coded(data, decoded, encoded - started, done - encoded, peak_memory())


def forget_peak() -> None:
    """Makes Linux count the process's peak memory anew."""
    with suppress(OSError):  # elsewhere, and where it is forbidden, the peak is the process's so far
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> float | None:
    """Largest resident memory since, of this process or of any child it has had, MiB."""
    if sys.platform != "linux":
        return None
    import resource

    status = Path("/proc/self/status").read_text()
    own = int(status.partition("VmHWM:")[2].split()[0]) * 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return max(own, children) / MIB
