"""Holds what `ulbic.training.sparse_claims` trained against one another, on pictures it has not seen.

    python -m ulbic.benchmarks.experiments.sparse_claims runs/sparse $SHARED/data/val -o results/sparse

writes `claims.json` and `claims.md`: reconstructions of the first stages (the middle 256x256 pixels of every
picture), and the bits of their codes under the priors (its four quarters of 256x256 around the middle).
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ulbic.benchmarks.metrics import metric_table
from ulbic.benchmarks.pictures import open_pictures
from ulbic.models.sparse.dqtransformer import DqTransformer
from ulbic.models.sparse.dqvae import DqVae
from ulbic.models.sparse.files import load_network
from ulbic.models.sparse.mqvae import MqVae
from ulbic.models.sparse.stackformer import Stackformer

from .sparse_bits import Bits, dq_bits, stackformer_bits

SIDE = 256  # pixels of a crop
METRICS = metric_table()[:3]  # PSNR, MS-SSIM, LPIPS(squeeze)
PAIRS = (
    ("mq-learnt", "mq-random"),
    ("mq-learnt", "mq-regular"),
    ("dq-10", "dq-regular"),
    ("dq-1", "dq-regular"),
    ("dq-entropy", "dq-regular"),
    ("dq-10", "dq-fine"),
    ("dq-10", "dq-1"),
    ("dq-10", "dq-100"),
)
LAST = 0.25  # of a run's curves: what training reached


@dataclass(frozen=True, kw_only=True)
class Reconstructed:
    """One first stage on all crops, a value each."""

    codes: list[float]  # sent for a crop
    used: int  # different ones in all crops
    l1: list[float]  # mean absolute error of 8-bit samples
    metrics: dict[str, list[float]]  # by key
    share: float | None  # of the regions that are fine, on these crops
    trained_share: float | None  # likewise in the last part of training
    seconds: float  # of training
    steps: int

    def columns(self) -> dict[str, list[float]]:
        """All distortions by their labels."""
        return {"L1": self.l1} | {metric.label: self.metrics[metric.key] for metric in METRICS}


def middle(picture: Image.Image, side: int) -> Image.Image:
    """The middle square, of so many pixels a side."""
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.crop((left, top, left + side, top + side))


def to_tensor(picture: Image.Image) -> Tensor:
    """(1, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 127.5 - 1


def to_picture(made: Tensor) -> Image.Image:
    """The inverse, rounded to 8 bits, of one picture that may leave [-1, 1]."""
    return Image.fromarray(((made[0] + 1) * 127.5).clamp(0, 255).round().byte().permute(1, 2, 0).numpy())


@torch.no_grad()
def reconstruct(network: MqVae | DqVae, crop: Tensor) -> tuple[Tensor, Tensor, float, float | None]:
    """The picture made of a crop's codes, the codes, how many were sent, and the share of fine regions."""
    if isinstance(network, MqVae):
        pairs, side = network.pairs(crop), SIDE // network.config.encoder.stride
        return network.paint(pairs, side, side), pairs.codes, float(pairs.codes.shape[1]), None
    codes = network.codes(crop)
    return network.paint(codes), codes.indices, float(codes.lengths()), float(codes.grains.float().mean())


def curves(folder: Path) -> list[dict[str, float]]:
    """The lines of a variant's curves."""
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def trained_share(lines: Sequence[dict[str, float]]) -> float | None:
    """The mean share of fine regions in the last part of training."""
    shares = [line["share_1"] for line in lines if "share_1" in line]
    return statistics.fmean(shares[-max(1, round(LAST * len(shares))) :]) if shares else None


def measure(folder: Path, crops: Sequence[Image.Image]) -> Reconstructed:
    """A first stage on all crops. Random masks are drawn from one seed."""
    network, lines = load_network(folder / "weights.safetensors"), curves(folder)
    assert isinstance(network, (MqVae, DqVae))
    torch.manual_seed(0)
    counts, used, errors, shares = [], set(), [], []
    metrics: dict[str, list[float]] = {metric.key: [] for metric in METRICS}
    for crop in crops:
        made, codes, count, share = reconstruct(network, to_tensor(crop))
        decoded = to_picture(made)
        counts.append(count)
        used |= set(codes.unique().tolist())
        errors.append(float(np.abs(np.asarray(crop, float) - np.asarray(decoded, float)).mean()))
        shares += [] if share is None else [share]
        for metric in METRICS:
            metrics[metric.key].append(float(metric.measure(crop, decoded)))  # type: ignore[arg-type]
    return Reconstructed(
        codes=counts,
        used=len(used),
        l1=errors,
        metrics=metrics,
        share=statistics.fmean(shares) if shares else None,
        trained_share=trained_share(lines),
        seconds=lines[-1]["seconds"],
        steps=int(lines[-1]["step"]),
    )


def quarters(picture: Image.Image) -> Iterator[Image.Image]:
    """The four crops around the middle."""
    whole = middle(picture, 2 * SIDE)
    for top in (0, SIDE):
        for left in (0, SIDE):
            yield whole.crop((left, top, left + SIDE, top + SIDE))


def prior_bits(folder: Path, crops: Sequence[Image.Image]) -> Bits:
    """The bits of all crops under a prior, whose first stage lies in the folder above."""
    prior = load_network(folder / "weights.safetensors")
    first_stage = load_network(folder.parent / "weights.safetensors")
    x = torch.cat([to_tensor(crop) for crop in crops])
    if isinstance(prior, Stackformer) and isinstance(first_stage, MqVae):
        return stackformer_bits(prior, [first_stage.pairs(one) for one in x.split(4)])
    assert isinstance(prior, DqTransformer)
    assert isinstance(first_stage, DqVae)
    return dq_bits(prior, [first_stage.codes(one) for one in x.split(4)])


def first_stage_table(found: dict[str, Reconstructed]) -> str:
    """Means in Markdown, a row a network."""
    columns = list(next(iter(found.values())).columns())
    head = ["", "codes", *columns, "codes in use", "fine, training", "fine, here", "steps"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name, row in found.items():
        values = [f"{statistics.fmean(row.codes):.1f}"]
        values += [f"{statistics.fmean(column):.4g}" for column in row.columns().values()]
        shares = ["" if share is None else f"{share:.3f}" for share in (row.trained_share, row.share)]
        values += [str(row.used), *shares, str(row.steps)]
        lines.append(f"| `{name}` | {' | '.join(values)} |")
    return "\n".join(lines)


def pair_table(found: dict[str, Reconstructed]) -> str:
    """Mean differences of pairs with their standard errors over the crops."""
    columns = list(next(iter(found.values())).columns())
    lines = [f"| difference | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for first, second in PAIRS:
        if not {first, second} <= found.keys():
            continue
        cells = []
        for one, other in zip(found[first].columns().values(), found[second].columns().values(), strict=True):
            gaps = [a - b for a, b in zip(one, other, strict=True)]
            error = statistics.stdev(gaps) / len(gaps) ** 0.5
            cells.append(f"{statistics.fmean(gaps):+.3g} ± {error:.2g}")
        lines.append(f"| `{first}` - `{second}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def prior_table(found: dict[str, Bits]) -> str:
    """Bits in Markdown, a row a prior; in brackets those of equally likely tokens, or sets."""
    head = ["", "bits a code", "bits a position", "bits of all positions of a crop", "bits of a crop"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name, bits in found.items():
        cells = [
            f"{bits.code:.2f} ({bits.uniform_code:.2f})",
            f"{bits.position:.2f} ({bits.uniform_position:.2f}; as a set {bits.set_position:.2f})",
            f"{bits.positions:.0f} ({bits.uniform_positions:.0f}; as a set {bits.set_positions:.0f})",
            f"{bits.total:.0f} ({bits.uniform_total:.0f})",
        ]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join(lines)


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
def main(run: Path, folder: Path, output: Path) -> None:
    """Measure the networks below RUN on the pictures in FOLDER, of at least 512x512 pixels."""
    pictures = [picture.load() for picture in open_pictures([folder])[0]]
    crops = [middle(picture, SIDE) for picture in pictures]
    parts = [part for picture in pictures for part in quarters(picture)]
    found = {path.parent.name: path.parent for path in sorted(run.rglob("weights.safetensors"))}
    stages = {name: measure(at, crops) for name, at in found.items() if at.parent == run}
    priors = {name: prior_bits(at, parts) for name, at in found.items() if at.parent != run}
    output.mkdir(parents=True, exist_ok=True)
    record = {name: asdict(row) for name, row in stages.items()}
    record |= {name: asdict(bits) for name, bits in priors.items()}
    (output / "claims.json").write_text(json.dumps(record, indent=1) + "\n")
    tables = [first_stage_table(stages), pair_table(stages), *([prior_table(priors)] if priors else [])]
    seconds = ", ".join(sorted({f"{row.seconds:.0f}" for row in stages.values()}))
    text = f"Means of {len(crops)} crops; {seconds} CPU seconds a network.\n\n" + "\n\n".join(tables) + "\n"
    (output / "claims.md").write_text(text)
    click.echo(text)


if __name__ == "__main__":
    main()
