"""VVC intra, 4:2:0, 10 bits, by vvencapp and vvdecapp from the PATH, one file a call."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from .interface import Codec, UnavailableError

ENCODER, DECODER = "vvencapp", "vvdecapp"
OPTIONS = ("--preset", "medium", "--qpa", "0")  # one QP for the whole picture: tuned for PSNR, as anchors are


class Vvc(Codec):
    """QP is the knob. A byte before the stream says whether a side was made even, as 4:2:0 wants it."""

    name = "vvc"
    label = "VVC (vvenc)"
    settings = (57, 54, 51, 48, 45, 42)

    def version(self) -> str:
        lines = []
        for program in (ENCODER, DECODER):
            if shutil.which(program) is None:
                raise UnavailableError(f"{program} is not on the PATH")
            answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
            lines.append(" ".join((answer.stdout or answer.stderr).split()))
        return "; ".join([*lines, " ".join(OPTIONS)])

    def encode(self, picture: Image.Image, setting: int) -> bytes:
        odd = (picture.width % 2, picture.height % 2)
        width, height = picture.width + odd[0], picture.height + odd[1]
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "in.yuv"), Path(folder, "out.266")
            source.write_bytes(_to_yuv420(picture, width, height))
            shape = ("--size", f"{width}x{height}", "--format", "yuv420_10", "--frames", "1", "--fps", "1")
            _run(ENCODER, "-i", source, "-o", target, *shape, *OPTIONS, "--qp", setting)
            return bytes([odd[0] + 2 * odd[1]]) + target.read_bytes()

    def decode(self, data: bytes) -> Image.Image:
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "in.266"), Path(folder, "out.y4m")
            source.write_bytes(data[1:])
            _run(DECODER, "-b", source, "-o", target, "--y4m")
            picture = _from_y4m(target.read_bytes())
        return picture.crop((0, 0, picture.width - data[0] % 2, picture.height - data[0] // 2))


def _run(program: str, *arguments: object) -> None:
    command = [program, *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RuntimeError(f"{program} failed: {' '.join((result.stderr or result.stdout).split())[-200:]}")


def _to_yuv420(picture: Image.Image, width: int, height: int) -> bytes:
    """Planar 10-bit samples (BT.601, full range), edges repeated up to the size."""
    rgb = np.asarray(picture)
    padding = ((0, height - picture.height), (0, width - picture.width), (0, 0))
    padded = Image.fromarray(np.pad(rgb, padding, mode="edge"))
    luma, *chroma = padded.convert("YCbCr").split()
    planes = [luma, *(plane.reduce(2) for plane in chroma)]
    return b"".join((np.asarray(plane).astype("<u2") << 2).tobytes() for plane in planes)


def _from_y4m(data: bytes) -> Image.Image:
    """The first frame of a 10-bit 4:2:0 YUV4MPEG2 file."""
    head, _, rest = data.partition(b"\n")
    fields = {field[:1]: field[1:] for field in head.split()[1:]}
    width, height = int(fields[b"W"]), int(fields[b"H"])
    samples = np.frombuffer(rest.partition(b"\n")[2], "<u2")
    planes, start = [], 0
    for size in ((height, width), (height // 2, width // 2), (height // 2, width // 2)):
        count = size[0] * size[1]
        plane = samples[start : start + count].reshape(size)
        plane = ((plane.astype(np.int32) + 2) >> 2).clip(0, 255).astype(np.uint8)
        planes.append(Image.fromarray(plane).resize((width, height), Image.Resampling.BICUBIC))
        start += count
    return Image.merge("YCbCr", planes).convert("RGB")


CODEC = Vvc()
