"""What sent indices bring at equal bytes, by who chooses them and how: the ablation of the token stream.

    python -m ulbic.benchmarks.experiments.index_ways $SHARED/data/val -o ways.md [--weights FILE]

A way is a rule for the indices that are sent. Rates are the bits of all symbols, as the coder counts them,
and of the positions where the decoder cannot know them: log2 of the number of choices. Every way is measured
at the same gains, and interpolated to one rate, linearly over log bits, where its gains span it.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ulbic.benchmarks.bdrate import at_rate
from ulbic.benchmarks.metrics import haarpsi, lpips, ms_ssim, psnr
from ulbic.bitstream.symbols import SymbolWriter
from ulbic.codec.boosts import gains_of
from ulbic.codec.bundle import Bundle, load_bundle
from ulbic.codec.chosen import MASKED
from ulbic.codec.encoder import PictureFeatures, analyse_picture
from ulbic.codec.exactness import ExactRounding
from ulbic.codec.images import load_picture
from ulbic.codec.index_coding import encode_indices
from ulbic.codec.index_mode import IndexContext
from ulbic.codec.index_modes import INDEX_MODES
from ulbic.codec.latents import encode_latents
from ulbic.codec.maskgit import complete_indices
from ulbic.codec.painting import paint_map
from ulbic.codec.profiles import DEFAULT_MODEL, PROFILES
from ulbic.codec.relaxing import relaxed
from ulbic.codec.restoring import Restoring

QUARTER = INDEX_MODES.named("1_4")
METRICS = {"PSNR": psnr, "MS-SSIM": ms_ssim, "LPIPS(squeeze)": lpips, "HaarPSI": haarpsi}
COLUMNS = ("bpp", "sent %", "bits an index", *METRICS)
FORMATS = (".4f", ".1f", ".2f", ".2f", ".4f", ".4f", ".4f")


@dataclass(frozen=True, kw_only=True)
class Coded:
    """One picture at one gain, without its indices."""

    bits: float  # of the latents' symbols
    context: IndexContext
    indices: np.ndarray  # (rows, columns) int64, the true ones
    cell_bits: np.ndarray  # (rows, columns), of the latents of each index's cell: both sides know them
    worth: Callable[[], np.ndarray]  # (rows, columns), what the encoder's ranking says


class Choice(NamedTuple):
    """Which indices are sent, and what it costs to say so."""

    received: np.ndarray  # (rows, columns) bool
    bits: float = 0.0
    raw: bool = False  # ten bits an index, without a model


def best(values: np.ndarray, count: int) -> np.ndarray:
    """(rows, columns) bool: the highest; of equal ones the first."""
    chosen = np.zeros(values.size, bool)
    chosen[np.argsort(-values.ravel(), kind="stable")[:count]] = True
    return chosen.reshape(values.shape)


def choices(of: int, count: int) -> float:
    """Bits of saying which `count` of so many positions."""
    return (math.lgamma(of + 1) - math.lgamma(count + 1) - math.lgamma(of - count + 1)) / math.log(2)


def by_both(coded: Coded) -> Choice:
    """All four of the quarter of the cells whose latents cost most."""
    return Choice(best(coded.cell_bits, coded.indices.size // 4))


def levels(coded: Coded) -> Choice:
    """Four indices in an eighth of the cells, one in the next half, none in the others, by the same order."""
    count, first = coded.indices.size, QUARTER.training_mask(*coded.indices.shape)
    busy, calmer = best(coded.cell_bits, count // 8), best(coded.cell_bits, count // 8 + count // 2)
    return Choice(busy | (calmer & first))


def overridden(coded: Coded) -> Choice:
    """Three sixteenths by that order, and of the others one sixteenth of all that the encoder names."""
    count = coded.indices.size
    agreed = best(coded.cell_bits, 3 * count // 16)
    others = best(np.where(agreed, -np.inf, coded.worth()), count // 16)
    return Choice(agreed | others, choices(count - 3 * count // 16, count // 16))


def named(share: int) -> Callable[[Coded], Choice]:
    """One of so many, those of the highest worth by the encoder's ranking, each named."""

    def choose(coded: Coded) -> Choice:
        count = coded.indices.size // share
        return Choice(best(coded.worth(), count), choices(coded.indices.size, count))

    return choose


Way = Callable[[Coded], Choice]

UNRANKED: dict[str, Way] = {
    "none": lambda coded: Choice(np.zeros(coded.indices.shape, bool)),
    "lattice `1_4`, raw": lambda coded: Choice(QUARTER.training_mask(*coded.indices.shape), raw=True),
    "lattice `1_4`, modelled": lambda coded: Choice(QUARTER.training_mask(*coded.indices.shape)),
    "all, modelled": lambda coded: Choice(np.ones(coded.indices.shape, bool)),
    "a quarter, ranked by both sides": by_both,
    "levels of that order: 0, 1 or 4 a cell": levels,
}
RANKED: dict[str, Way] = {  # which ask the ranking, and so want the weights that it was made for
    "that order, and a sixteenth named by the encoder": overridden,
    "an eighth, named by the encoder": named(8),
    "a sixteenth, named by the encoder": named(16),
}
WAYS = UNRANKED | RANKED


@torch.no_grad()
def code(bundle: Bundle, features: PictureFeatures, gain: float) -> Coded:
    """The latents as a file has them, annealed or not."""
    networks = bundle.networks
    gains, writer, rounding = gains_of(gain, None, networks), SymbolWriter(), ExactRounding(0)
    y, z = networks.hyper_analyse(features.latents, gains)
    if features.annealing is not None:
        y = features.annealing.latents(y, z, gains)
    y_hat = encode_latents(writer, networks, bundle.tables, y, z, rounding)
    cells = relaxed(networks.relaxed(), y.float(), z.round(), torch.round).bits[0].cpu().numpy()
    indices = features.tokenising.index_map(y_hat, gains)
    rows, columns = indices.shape
    return Coded(
        bits=writer.ideal_bits,
        context=IndexContext(
            y_hat=y_hat, gains=gains, networks=networks, rounding=rounding, table=bundle.tables.index
        ),
        indices=indices,
        cell_bits=cells.repeat(2, axis=0).repeat(2, axis=1)[:rows, :columns],
        worth=cache(lambda: features.tokenising.worth(indices, y_hat, gains)),
    )


def passes(received: np.ndarray) -> Iterator[np.ndarray]:
    """Flat positions (n,) in the order in which `masked` sends them."""
    return MASKED.passes((received.shape[0], received.shape[1]), lambda at: received.ravel()[at])


def symbol_bits(coded: Coded, choice: Choice) -> float:
    """What the sent indices cost, their positions left out."""
    writer = SymbolWriter()
    context = replace(coded.context, raw=choice.raw)
    encode_indices(writer, coded.indices, passes(choice.received), context)
    return writer.ideal_bits


@torch.no_grad()
def measure(coded: Coded, picture: Image.Image, choice: Choice) -> list[float]:
    """A value for each of COLUMNS."""
    context, received = coded.context, torch.from_numpy(choice.received)
    restoring = Restoring(context.networks, context.y_hat, context.gains)
    true: Tensor = torch.from_numpy(coded.indices)
    filled = complete_indices(context.networks, true, received, restoring.assist)
    painted = paint_map(context.networks, filled, received, restoring)
    decoded = Image.fromarray(painted[: picture.height, : picture.width])
    bits, sent = symbol_bits(coded, choice) + choice.bits, int(choice.received.sum())
    return [
        (coded.bits + bits) / (picture.width * picture.height),
        100 * sent / coded.indices.size,
        bits / max(sent, 1),
        *(metric(picture, decoded) for metric in METRICS.values()),
    ]


def table(rows: dict[str, dict[float, np.ndarray]], rate: float) -> str:
    """Markdown: what was measured, and at `rate` (bpp) the ways that reach it."""
    head = f"| indices sent | gain | {' | '.join(COLUMNS)} |"
    lines = [head, "|---" * (2 + len(COLUMNS)) + "|"]
    for name, gains in rows.items():
        lines += [f"| {name} | {gain:g} | {_figures(value, FORMATS)} |" for gain, value in gains.items()]
    lines += ["", f"At {rate:g} bpp:", "", f"| indices sent | {' | '.join(METRICS)} |"]
    lines.append("|---" * (1 + len(METRICS)) + "|")
    for name, gains in rows.items():
        curve = np.array(list(gains.values()))
        if curve[0, 0] <= rate <= curve[-1, 0]:
            lines.append(f"| {name} | {_figures(at_rate(curve, rate)[2:], FORMATS[3:])} |")
    return "\n".join(lines)


def _figures(values: Iterable[float], formats: Iterable[str]) -> str:
    return " | ".join(format(value, form) for value, form in zip(values, formats, strict=True))


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--every", type=click.IntRange(1), default=4, show_default=True, help="Every so many pictures.")
@click.option("--gain", "gains", type=float, multiple=True, default=(1, 2, 3, 4), help="Rising.")
@click.option("--weights", type=click.Path(path_type=Path, exists=True), help="Others than the bundled ones.")
@click.option("--way", "names", type=click.Choice(list(WAYS)), multiple=True, help="Only these.")
@click.option("--at", "rate", default=0.028, show_default=True, help="Bits per pixel to compare at.")
@click.option("--effort", type=click.IntRange(0, 3), default=0, show_default=True)
def main(
    folder: Path,
    output: Path,
    every: int,
    gains: tuple[float, ...],
    weights: Path | None,
    names: tuple[str, ...],
    rate: float,
    effort: int,
) -> None:
    """Measure the ways on the PNGs of FOLDER."""
    bundle = load_bundle(None if weights else PROFILES.named(DEFAULT_MODEL), "cpu", weights)
    ways = names or tuple(UNRANKED if weights else WAYS)
    measured: dict[tuple[str, float], list[list[float]]] = defaultdict(list)
    for path in sorted(folder.glob("*.png"))[::every]:
        picture = load_picture(path)
        features = analyse_picture(bundle, picture, effort=effort)
        for gain in gains:
            coded = code(bundle, features, gain)
            for name in ways:
                measured[name, gain].append(measure(coded, picture, WAYS[name](coded)))
        means = {name: {gain: np.mean(measured[name, gain], axis=0) for gain in gains} for name in ways}
        count = len(measured[ways[0], gains[0]])
        output.write_text(f"Means of {count} pictures, effort {effort}.\n\n{table(means, rate)}\n")
    click.echo(output.read_text())


if __name__ == "__main__":
    main()
