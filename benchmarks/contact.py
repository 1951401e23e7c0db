"""A sheet of crops to look at: original, ulbic, and a peer whose file has as many bytes.

    python -m ulbic.benchmarks.contact $SHARED/data/eval/kodak --every 3 -o sheet.png [--peer heic]
    python -m ulbic.benchmarks.contact girl.png@300,80 sign.png@0,64 -o sheet.png --zoom 100 --zoom 200

Crops are the middle of each picture, or begin at the pixel after the "@". At 200 % the middle of the crop is
shown with every pixel as a square of four.
"""

from __future__ import annotations

import bisect
from pathlib import Path
from typing import NamedTuple

import click
from PIL import Image, ImageDraw

from .metrics import lpips
from .peers import CODECS, Codec
from .peers.ulbic import Ulbic
from .qualities import QUALITIES

KNOBS = {  # every setting, by growing files
    "vvc": range(63, 20, -1),
    "heic": range(60),
    "avif": range(60),
    "webp": range(101),
    "jpeg": range(1, 96),
}
CAPTION, GAP = 14, 4  # pixels
ZOOMS = ("100", "200", "300", "400")


class Crop(NamedTuple):
    """A part of a picture file."""

    path: Path
    corner: tuple[int, int] | None  # None: the middle of the picture

    @classmethod
    def parse(cls, text: str) -> Crop:
        """PATH or PATH@X,Y."""
        path, at, corner = text.rpartition("@")
        if not at:
            return cls(Path(text), None)
        x, y = corner.split(",")
        return cls(Path(path), (int(x), int(y)))

    def of(self, picture: Image.Image, size: tuple[int, int], zoom: int = 1) -> Image.Image:
        """The crop of that size, or its middle, `zoom` times as large; pixels stay squares of one colour."""
        x, y = self.corner or ((picture.width - size[0]) // 2, (picture.height - size[1]) // 2)
        width, height = size[0] // zoom, size[1] // zoom
        x, y = x + (size[0] - width) // 2, y + (size[1] - height) // 2
        part = picture.crop((x, y, x + width, y + height))
        return part.resize((width * zoom, height * zoom), Image.Resampling.NEAREST)


def as_large(codec: Codec, picture: Image.Image, size: int) -> bytes:
    """The peer's file whose size is nearest to `size` bytes."""
    files: dict[int, bytes] = {}

    def bytes_at(setting: int) -> int:
        files[setting] = codec.encode(picture, setting)
        return len(files[setting])

    bisect.bisect_left(KNOBS[codec.name], size, key=bytes_at)
    return min(files.values(), key=lambda data: abs(len(data) - size))


class Cell(NamedTuple):
    """One version of a picture."""

    text: str
    picture: Image.Image


def versions(crop: Crop, ours: Codec, peer: Codec) -> list[Cell]:
    """The whole picture: original, ours and the peer's."""
    with Image.open(crop.path) as file:
        original = file.convert("RGB")
    data = ours.encode(original, ours.settings[0])
    other = as_large(peer, original, len(data))
    cells = [Cell(crop.path.stem, original)]
    for codec, stream in ((ours, data), (peer, other)):
        decoded = codec.decode(stream)
        text = f"{codec.label} {len(stream)} bytes, LPIPS {lpips(original, decoded):.3f}"
        cells.append(Cell(text, decoded))
    return cells


def row(cells: list[Cell], crop: Crop, size: tuple[int, int], zoom: int) -> Image.Image:
    """The crop of three versions side by side, with a line of text above each."""
    strip = Image.new("RGB", (3 * (size[0] + GAP) - GAP, size[1] + CAPTION + GAP), "white")
    for i, (text, picture) in enumerate(cells):
        left = i * (size[0] + GAP)
        caption = text if zoom == 1 else f"{text}, {100 * zoom} %"
        ImageDraw.Draw(strip).text((left + 2, 1), caption, fill="black")
        strip.paste(crop.of(picture, size, zoom), (left, CAPTION))
    return strip


@click.command()
@click.argument("places", nargs=-1, required=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("-q", "--quality", type=QUALITIES, default=5, show_default=True)
@click.option("--peer", type=click.Choice(list(KNOBS)), default="vvc", show_default=True)
@click.option("--every", default=1, show_default=True, help="Take every n-th picture.")
@click.option("--crop", type=(int, int), default=(256, 192), show_default=True, help="Pixels.")
@click.option("--zoom", "zooms", type=click.Choice(ZOOMS), multiple=True, default=("100",), help="Per cent.")
@click.option("--weights", type=click.Path(path_type=Path, exists=True))
def main(
    places: tuple[str, ...],
    output: Path,
    quality: int,
    peer: str,
    every: int,
    crop: tuple[int, int],
    zooms: tuple[str, ...],
    weights: Path | None,
) -> None:
    """Draw a contact sheet of the PNGs in, or the pictures that are, PLACES."""
    found: list[Crop] = []
    for place in places:
        folder = Path(place)
        pictures = sorted(folder.glob("*.png")) if folder.is_dir() else [place]
        found += [Crop.parse(str(picture)) for picture in pictures]
    ours = Ulbic(weights, settings=(quality,))
    rows = []
    for one in found[::every]:
        cells = versions(one, ours, CODECS[peer])
        rows += [row(cells, one, crop, int(zoom) // 100) for zoom in zooms]
    sheet = Image.new("RGB", (rows[0].width, sum(strip.height for strip in rows)), "white")
    top = 0
    for strip in rows:
        sheet.paste(strip, (0, top))
        top += strip.height
    sheet.save(output, quality=92, subsampling=0)  # colours of single pixels are to be seen


if __name__ == "__main__":
    main()
