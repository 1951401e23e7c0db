"""What the model's own densities say of a file's symbols, as CompressAI's models give it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ulbic.bitstream.symbols import SymbolWriter
from ulbic.bitstream.tables import TOTAL, FrequencyTables
from ulbic.codec.boosts import gains_of
from ulbic.codec.bundle import Bundle
from ulbic.codec.decoder import Symbols
from ulbic.codec.encoder import PictureFeatures
from ulbic.codec.exactness import ExactRounding
from ulbic.codec.index_mode import IndexContext, ReceivedIndices
from ulbic.codec.index_modes import mode_of_file
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
    gains = gains_of(header.gain, symbols.boosts, networks)
    y, z = networks.hyper_analyse(features.latents, gains)
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
    context = IndexContext(
        y_hat=symbols.y_hat,
        gains=gains,
        networks=networks,
        rounding=rounding,
        table=tables.index,
        raw=header.raw_indices,
    )
    indices = _Probabilities()
    mode_of_file(header.index_mode).encode(
        indices, ReceivedIndices(symbols.indices, symbols.received), context
    )
    return {
        "y": seen,
        "z": torch.from_numpy(_probabilities(tables.hyper, hyper, channels)).to(y),
        "indices": torch.from_numpy(np.concatenate([np.empty(0), *indices.seen]))[None].to(y),
    }


class _Probabilities(SymbolWriter):
    """Writes nothing, and keeps the probability of every symbol, call by call."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[np.ndarray] = []

    def write(self, symbols: np.ndarray, indices: np.ndarray, tables: FrequencyTables) -> None:
        self.seen.append(_probabilities(tables, symbols, indices))

    def write_uniform(self, symbols: np.ndarray, size: int) -> None:
        self.seen.append(np.full(len(symbols), 1 / size))

    def write_each(self, symbols: np.ndarray, frequencies: np.ndarray) -> None:
        self.seen.append(frequencies[np.arange(len(symbols)), symbols] / TOTAL)

    def write_flag(self, flag: int, ones: int) -> None:
        self.seen.append(np.array([(ones if flag else TOTAL - ones) / TOTAL]))


def _probabilities(tables: FrequencyTables, symbols: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Of symbols under the tables `indices`; all of one shape."""
    flat = tables.to_arrays()
    starts = np.cumsum(flat["lengths"]) - flat["lengths"]
    return flat["frequencies"][starts[indices] + symbols - flat["lowest"][indices]] / TOTAL
