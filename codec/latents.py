"""Latents to symbols and back: one walk over slices and phases, driven by a step.

The encoder's step writes, the decoder's reads, that of training quantises.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ulbic.bitstream.symbols import Reader, SymbolWriter
from ulbic.models.phases import Known, quincunx

from .exactness import ExactRounding
from .networks import Networks
from .tables import Tables


class Pass(NamedTuple):
    """What the context model knows of the cells of one phase of one slice, before they are coded."""

    channels: slice  # of the latents
    cells: Tensor  # (h, w) bool: the positions coded in this pass
    mean: Tensor  # (B, slice channels, h, w)
    scale: Tensor  # likewise, standard deviation


Step = Callable[[Pass], Tensor]  # to the decoded latents of the pass's cells; values elsewhere are ignored


def walk(networks: Networks, z_hat: Tensor, size: tuple[int, int], step: Step) -> Tensor:
    """y_hat (B, latents, *size) of rounded hyper-latents; calls `step` for every pass in coding order."""
    sizes = networks.sizes
    hyper = networks.hyper_synthesise(z_hat, size)
    cells = quincunx(size, sizes.phases, hyper.device)
    starts = itertools.accumulate(sizes.slices, initial=0)
    decoded: list[Tensor] = []
    for index, (start, depth) in enumerate(zip(starts, sizes.slices, strict=False)):
        features = networks.slice_features(index, hyper, decoded)
        current = torch.zeros_like(hyper[:, :depth])
        for phase, here in enumerate(cells):
            known = Known(features, current, decoded, cells)
            mean, scale = networks.distribution(index, phase, known)
            current = current + step(Pass(slice(start, start + depth), here, mean, scale)) * here
            current = networks.refine(index, phase, known, current, hyper)
        decoded.append(current)
    return torch.cat(decoded, dim=1)


def encode_latents(
    writer: SymbolWriter, networks: Networks, tables: Tables, y: Tensor, z: Tensor, rounding: ExactRounding
) -> Tensor:
    """Writes z, then y pass by pass; returns y_hat as the decoder will have it.

    Args:
        y: (1, latents, h, w); z: (1, hyper_channels, ceil(h/4), ceil(w/4)).

    Returns:
        (1, latents, h, w) float64.

    Raises:
        NearBoundaryError: try another rounding offset.
    """
    y, channels = y.to(networks.symbol_device), _hyper_indices(z.shape)
    symbols = tables.hyper.clamp(z.round().long().flatten().cpu().numpy(), channels)
    writer.write(symbols, channels, tables.hyper)

    def write(p: Pass) -> Tensor:
        mean, indices = _rounded(p, rounding)
        residual = (y[:, p.channels].double()[:, :, p.cells] - mean).round().long().flatten().cpu().numpy()
        residual = tables.latent.clamp(residual, indices)
        writer.write(residual, indices, tables.latent)
        return _placed(p, mean, residual)

    return walk(networks, _hyper_latents(symbols, z.shape, networks), (y.shape[2], y.shape[3]), write)


def decode_latents(
    reader: Reader, networks: Networks, tables: Tables, size: tuple[int, int], rounding: ExactRounding
) -> Tensor:
    """The mirror of `encode_latents`: y_hat (1, latents, *size), float64."""
    shape = (1, networks.sizes.hyper_channels, -(-size[0] // 4), -(-size[1] // 4))
    symbols = reader.read(_hyper_indices(shape), tables.hyper)

    def read(p: Pass) -> Tensor:
        mean, indices = _rounded(p, rounding)
        residual = reader.read(indices, tables.latent)
        return _placed(p, mean, residual)

    return walk(networks, _hyper_latents(symbols, shape, networks), size, read)


def _hyper_indices(shape: tuple[int, ...]) -> np.ndarray:
    """The table of every hyper-latent: its channel."""
    return np.repeat(np.arange(shape[1]), shape[2] * shape[3])


def _hyper_latents(symbols: np.ndarray, shape: tuple[int, ...], networks: Networks) -> Tensor:
    """z_hat in float64, where symbols are decided."""
    return torch.from_numpy(symbols).view(shape).to(networks.symbol_device).double()


def _rounded(p: Pass, rounding: ExactRounding) -> tuple[Tensor, np.ndarray]:
    """Rounded means (1, channels, n) and table numbers (channels * n,) of the n cells of the pass."""
    mean = rounding.means(p.mean[:, :, p.cells])
    return mean, rounding.scale_indices(p.scale[:, :, p.cells]).flatten().cpu().numpy()


def _placed(p: Pass, mean: Tensor, residual: np.ndarray) -> Tensor:
    """The decoded latents of the pass in their places, zeros elsewhere."""
    values = torch.zeros_like(p.mean)
    values[:, :, p.cells] = mean + torch.from_numpy(residual).to(mean).view_as(mean)
    return values
