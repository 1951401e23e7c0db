"""Pictures out of nothing, of the priors that `ulbic.training claims` trained, on one sheet to look at.

    python -m ulbic.benchmarks.experiments.sparse_samples runs/sparse -o samples.png [--count 6] [--seed 0]

A row a prior. Seeds are those of `models/sparse/sampling`.
"""

from __future__ import annotations

from pathlib import Path

import click
import torch
from PIL import Image
from torch import Tensor

from ulbic.models.sparse.dqtransformer import DqTransformer
from ulbic.models.sparse.dqvae import DqVae
from ulbic.models.sparse.files import load_network
from ulbic.models.sparse.generate import generate_dual, generate_masked
from ulbic.models.sparse.mqvae import MqVae
from ulbic.models.sparse.stackformer import Stackformer


def sample(folder: Path, count: int, seed: int) -> Tensor:
    """(count, 3, H, W) in [0, 1], of the prior in `folder`, whose first stage lies in the folder above."""
    prior, first_stage = (load_network(at / "weights.safetensors") for at in (folder, folder.parent))
    if isinstance(prior, Stackformer) and isinstance(first_stage, MqVae):
        return generate_masked(prior, first_stage, count, seed).pictures
    assert isinstance(prior, DqTransformer)
    assert isinstance(first_stage, DqVae)
    return generate_dual(prior, first_stage, count, seed).pictures


def sheet(rows: list[Tensor]) -> Image.Image:
    """Rows (n, 3, H, W) in [0, 1] of pictures side by side."""
    lines = [torch.cat(list(row), dim=2) for row in rows]
    pixels = (255 * torch.cat(lines, dim=1)).round().byte().permute(1, 2, 0)
    return Image.fromarray(pixels.contiguous().numpy())


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--count", default=6, show_default=True, help="Pictures of each prior.")
@click.option("--seed", default=0, show_default=True)
def main(run: Path, output: Path, count: int, seed: int) -> None:
    """Draw a row of pictures for every prior below RUN."""
    folders = sorted(path.parent for path in run.glob("*/*/weights.safetensors"))
    sheet([sample(folder, count, seed) for folder in folders]).save(output)
    click.echo("\n".join(str(folder.relative_to(run)) for folder in folders))


if __name__ == "__main__":
    main()
