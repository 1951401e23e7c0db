"""What `generate`, `inpaint`, `outpaint` and `uncrop` have in common: options, pictures in, pictures out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from .arguments import PATH, FiniteNumber
from .options import device_option, force_option, model_option, weights_option
from .output import check_not_input, check_output, write_output

if TYPE_CHECKING:
    from PIL import Image

    from ulbic.codec.bundle import Bundle
    from ulbic.codec.maskgit import MaskGitConfig

Function = TypeVar("Function", bound=Callable[..., None])

NOTE = """The bundled weights are trained for decoding, where the file says what a picture shows. Without that
they fill a hole with patches of colour and texture that hardly fit, even beside a plain wall; objects, faces
and writing they cannot make up. What is known comes back blurred, as the tokenizer renders it. Weights made
for this are MAGE's own: `ulbic weights convert`, then --weights (docs/mage.md)."""

BOX = ("LEFT", "TOP", "RIGHT", "BOTTOM")


@dataclass(frozen=True, kw_only=True)
class Making:
    """How to go about it, whatever is made up."""

    output: Path
    seed: int
    steps: int
    temperature: float
    model: str
    device: str
    weights: Path | None
    force: bool

    def check(self, *, outputs: Sequence[Path] = (), inputs: Sequence[Path] = ()) -> str:
        """Finds out before the work whether the outputs can be written; Pillow's name of their format.

        Args:
            outputs: where they are others than `output`.
            inputs: files that must not be written over.

        Raises:
            OutputError: they cannot.
        """
        from .pictures import format_of

        picture_format = format_of(self.output)
        for path in outputs or (self.output,):
            for source in inputs:
                check_not_input(source, path)
            check_output(path, self.force)
        return picture_format

    def write(self, path: Path, picture: Image.Image, picture_format: str) -> None:
        """The picture, whole or not at all.

        Raises:
            OutputError: it cannot be written, or came to exist meanwhile.
        """
        from .pictures import picture_bytes

        write_output(path, picture_bytes(picture, picture_format), replace=self.force)

    def bundle(self) -> Bundle:
        """The model, loaded.

        Raises:
            SettingsError: there is no model of that name; WeightsError: it is not here.
        """
        from ulbic.codec.bundle import load_bundle
        from ulbic.codec.profiles import PROFILES

        profile = PROFILES.named(self.model) if self.weights is None else None
        return load_bundle(profile, self.device, self.weights)

    def config(self) -> MaskGitConfig:
        """The settings of MaskGIT."""
        from ulbic.codec.maskgit import MaskGitConfig

        return MaskGitConfig(steps=self.steps, temperature=self.temperature, sampled=True)


def making_options(function: Function) -> Function:
    """The options that become a Making, the last ones of a verb."""
    options = (
        click.option(
            "-o",
            "--output",
            type=PATH,
            required=True,
            help="File, whose suffix decides the format.",
        ),
        click.option("--seed", type=click.IntRange(0, 2**32 - 1), metavar="N", default=0, show_default=True),
        click.option(
            "--steps",
            type=click.IntRange(1, 256),
            metavar="N",
            default=20,
            show_default=True,
            help="Of MaskGIT: how many times more is filled in.",
        ),
        click.option(
            "--temperature",
            type=FiniteNumber(0),
            metavar="X",
            default=6.0,
            show_default=True,
            help="Of the noise on what is kept first; 0: what is surest.",
        ),
        device_option,
        model_option,
        weights_option,
        force_option,
    )
    for option in reversed(options):
        function = option(function)
    return function


def box_option(name: str, required: bool, text: str) -> Callable[[Function], Function]:
    """A rectangle in pixels; right and bottom lie outside."""
    return click.option(name, "box", type=int, nargs=4, metavar=" ".join(BOX), required=required, help=text)


def opened(path: Path) -> Image.Image:
    """The RGB pixels of a picture file; a note says so where its transparency is left out.

    Raises:
        InputError, ImageError, LimitError: as reading for `ulbic encode` does.
    """
    from ulbic.codec.colour import note
    from ulbic.codec.images import read_picture

    pixels, extras = read_picture(path)
    if extras.alpha is not None:
        note("the transparency is left out")
    return pixels
