"""What the model's own densities say of a file's symbols, as CompressAI's models give it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ulbic.bitstream.tables import TOTAL, FrequencyTables
from ulbic.codec.boosts import gains_of
from ulbic.codec.bundle import Bundle
from ulbic.codec.decoder import Symbols
from ulbic.codec.encoder import PictureFeatures
from ulbic.codec.exactness import ExactRounding
from ulbic.codec.latents import Pass, walk
from ulbic.models.entropy import gaussian_likelihood


@torch.no_grad()
def likelihoods(bundle: Bundle, features: PictureFeatures, symbols: Symbols) -> dict[str, Tensor]:
    """The probability of each symbol; their -log2 add up to the file's bits, less header and checksum.

    Args:
        features: of the picture that was encoded.
        symbols: of the file that came of it.

    Returns:
        "y": (1, latents, h, w), Gaussians of the predicted scale, which the coder rounds to one of its table;
        "z": (1, hyper_channels, ceil(h/4), ceil(w/4)) and "indices": (1, sent), as the coder has them.
    """
    networks, tables, header = bundle.networks, bundle.tables, symbols.header
    y, z = networks.hyper_analyse(features.latents, gains_of(header.gain, symbols.boosts, networks))
    y, rounding = y.to(networks.symbol_device).double(), ExactRounding(header.rounding)
    channels = np.broadcast_to(np.arange(z.shape[1])[:, None, None], z.shape)
    hyper = tables.hyper.clamp(z.round().long().cpu().numpy(), channels)
    seen = torch.ones_like(y)

    def look(p: Pass) -> Tensor:
        """As the encoder: the decoded latents alone do not tell their symbols, for `refine` moves them."""
        mean, levels = rounding.means(p.mean), rounding.scale_indices(p.scale).cpu().numpy()
        steps = (y[:, p.channels] - mean).round().long().cpu().numpy()
        residual = torch.from_numpy(tables.latent.clamp(steps, levels)).to(mean)
        likelihood = gaussian_likelihood(residual, p.scale)
        seen[:, p.channels] = torch.where(p.cells, likelihood, seen[:, p.channels])
        return mean + residual

    z_hat = torch.from_numpy(hyper).to(networks.symbol_device).double()
    walk(networks, z_hat, (y.shape[2], y.shape[3]), look)
    sent = symbols.indices[symbols.received]
    indices = (
        np.full(len(sent), 1 / networks.sizes.codes)
        if header.raw_indices
        else _probabilities(tables.index, sent, np.zeros_like(sent))
    )
    return {
        "y": seen,
        "z": torch.from_numpy(_probabilities(tables.hyper, hyper, channels)).to(y),
        "indices": torch.from_numpy(indices)[None].to(y),
    }


def _probabilities(tables: FrequencyTables, symbols: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Of symbols under the tables `indices`; all of one shape."""
    flat = tables.to_arrays()
    starts = np.cumsum(flat["lengths"]) - flat["lengths"]
    return flat["frequencies"][starts[indices] + symbols - flat["lowest"][indices]] / TOTAL
