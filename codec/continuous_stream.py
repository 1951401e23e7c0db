"""Latents to symbols and back. Both directions drive the context model's one loop with their own step."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ulbic.bitstream.symbols import Reader, SymbolWriter
from ulbic.models.continuous import Pass

from .bundle import Bundle
from .exactness import ExactRounding


def encode_latents(
    writer: SymbolWriter, bundle: Bundle, y: Tensor, z: Tensor, rounding: ExactRounding
) -> Tensor:
    """Writes z, then y pass by pass; returns y_hat as the decoder will have it.

    Args:
        y: (1, latents, h, w); z: (1, hyper_channels, ceil(h/4), ceil(w/4)).

    Returns:
        (1, latents, h, w) float64.

    Raises:
        NearBoundaryError: try another rounding offset.
    """
    y, z = y.to(bundle.context_device), z.to(bundle.context_device)
    channels, medians = _hyper_indices(z.shape), bundle.hyper_medians
    symbols = bundle.hyper_tables.clamp((z - medians).round().long().flatten().cpu().numpy(), channels)
    writer.write(symbols, channels, bundle.hyper_tables)
    z_hat = torch.from_numpy(symbols).view(z.shape).to(medians.device) + medians

    def write(p: Pass) -> Tensor:
        mean, indices = _rounded(p, rounding)
        residual = (y[:, p.channels].double()[:, :, p.cells] - mean).round().long().flatten().cpu().numpy()
        residual = bundle.latent_tables.clamp(residual, indices)
        writer.write(residual, indices, bundle.latent_tables)
        return _placed(p, mean, residual)

    return bundle.context(z_hat, (y.shape[2], y.shape[3]), write)


def decode_latents(reader: Reader, bundle: Bundle, size: tuple[int, int], rounding: ExactRounding) -> Tensor:
    """The mirror of `encode_latents`: y_hat (1, latents, *size), float64."""
    shape = (1, bundle.model.config.continuous.hyper_channels, -(-size[0] // 4), -(-size[1] // 4))
    symbols = reader.read(_hyper_indices(shape), bundle.hyper_tables)
    medians = bundle.hyper_medians
    z_hat = torch.from_numpy(symbols).view(shape).to(medians.device) + medians

    def read(p: Pass) -> Tensor:
        mean, indices = _rounded(p, rounding)
        residual = reader.read(indices, bundle.latent_tables)
        return _placed(p, mean, residual)

    return bundle.context(z_hat, size, read)


def _hyper_indices(shape: tuple[int, ...]) -> np.ndarray:
    """The table of every hyper-latent: its channel."""
    return np.repeat(np.arange(shape[1]), shape[2] * shape[3])


def _rounded(p: Pass, rounding: ExactRounding) -> tuple[Tensor, np.ndarray]:
    """Rounded means (1, channels, n) and table numbers (channels * n,) of the n cells of the pass."""
    mean = rounding.means(p.mean[:, :, p.cells])
    return mean, rounding.scale_indices(p.scale[:, :, p.cells]).flatten().cpu().numpy()


def _placed(p: Pass, mean: Tensor, residual: np.ndarray) -> Tensor:
    """The decoded latents of the pass in their places, zeros elsewhere."""
    values = torch.zeros_like(p.mean)
    values[:, :, p.cells] = mean + torch.from_numpy(residual).to(mean).view_as(mean)
    return values
