"""Convolutions in float64, for which PyTorch has only slow kernels on CPUs.

What decides symbols runs in float64 (docs/reproducibility.md). The sums are nn.Conv2d's, in another order.
Images lie in memory channels last, so that sums over channels are matrix products without a copy.
"""

from __future__ import annotations

import itertools
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from .attention_context import SideBySide
from .continuous import ContextModel
from .index_model import IndexModel

_POINTS = (0, 1, -1, 2, -2, 1 / 2, -1 / 2)  # where polynomials are evaluated, before infinity


class WinogradConv(nn.Module):
    """A 3x3 or 5x5 convolution of stride 1 by minimal filtering (Winograd 1980; Lavin 2016).

    Tiles of n x n pixels, n = outputs + side - 1, that overlap by side - 1, are taken to values at n x n
    points of a polynomial, where a convolution is a product: n^2 / outputs^2 multiplications a pixel.
    """

    weight: Tensor  # (n^2, output channels, input channels): the filters at every point
    bias: Tensor
    input_transform: Tensor  # (n^2, n^2): a tile to its values at the points
    output_transform: Tensor  # (outputs^2, n^2): values at the points to pixels

    def __init__(self, conv: nn.Conv2d, outputs: int, known: WeakTensorKeyDictionary | None = None) -> None:
        """`outputs`: pixels per side that one tile yields; `known`: values at the points, by image.

        Convolutions that share `known` transform an image once. All must have the same `outputs` and side.
        """
        super().__init__()
        assert conv.bias is not None
        self.side, self.outputs, self.known = conv.kernel_size[0], outputs, known
        pixels, filters, tiles = (torch.from_numpy(np.kron(t, t)) for t in transforms(outputs, self.side))
        weight = conv.weight.detach().double().flatten(2)  # (outputs, inputs, side^2)
        self.register_buffer("weight", torch.einsum("tk,oik->toi", filters, weight))
        self.register_buffer("bias", conv.bias.detach().double())
        self.register_buffer("input_transform", tiles)
        self.register_buffer("output_transform", pixels)

    def forward(self, *images: Tensor) -> Tensor:
        """Images (B, channels, H, W), their channels side by side, to (B, outputs, H, W), float64."""
        batch, _, height, width = images[0].shape
        rows, columns = -(-height // self.outputs), -(-width // self.outputs)
        values = [self._known_values(x) for x in images]
        joined = torch.cat(values, dim=2) if len(values) > 1 else values[0]
        products = joined @ self.weight.transpose(1, 2)  # (n^2, tiles, outputs)
        pixels = self.output_transform @ products.flatten(1)
        tiled = pixels.view(self.outputs, self.outputs, batch, rows, columns, -1).permute(2, 3, 0, 4, 1, 5)
        image = tiled.reshape(batch, rows * self.outputs, columns * self.outputs, -1)[:, :height, :width]
        return (image + self.bias).permute(0, 3, 1, 2)

    def _known_values(self, x: Tensor) -> Tensor:
        if self.known is None:
            return self._values(x)
        if x not in self.known:
            self.known[x] = self._values(x)
        return self.known[x]

    def _values(self, x: Tensor) -> Tensor:
        """Values (n^2, tiles, channels) at the points of an image (B, channels, H, W)."""
        height, width = x.shape[2:]
        reach, step, tile = self.side // 2, self.outputs, self.outputs + self.side - 1
        border = (reach, reach + -width % step, reach, reach + -height % step)
        padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, *border))
        tiles = padded.unfold(1, tile, step).unfold(2, tile, step).permute(4, 5, 0, 1, 2, 3)
        return (self.input_transform @ tiles.reshape(tile**2, -1)).view(tile**2, -1, x.shape[1])


class PointwiseConv(nn.Module):
    """A 1x1 convolution."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv.double()

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W), float64."""
        weight = self.conv.weight[:, :, 0, 0]
        return F.linear(x.permute(0, 2, 3, 1), weight, self.conv.bias).permute(0, 3, 1, 2)


class DepthwiseConv(nn.Module):
    """A 3x3 convolution channel by channel."""

    taps: Tensor  # (9, channels), row by row
    bias: Tensor

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        assert conv.bias is not None
        self.register_buffer("taps", conv.weight.detach().double().flatten(1).T.contiguous())
        self.register_buffer("bias", conv.bias.detach().double())

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) in and out, float64."""
        height, width = x.shape[2:]
        padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
        total = self.bias.expand(x.shape[0], height, width, -1).clone()
        for (i, j), tap in zip(itertools.product(range(3), repeat=2), self.taps, strict=True):
            total.addcmul_(padded[:, i : i + height, j : j + width], tap)
        return total.permute(0, 3, 1, 2)


Network = TypeVar("Network", ContextModel, IndexModel)


def in_float64(network: Network) -> Network:
    """A network that decides symbols in float64, in place, its convolutions replaced."""
    if isinstance(network, ContextModel) and network.config.context == "attention":
        _replace_convolutions(network.h_s, 2, None)  # its maps are small: a few tiles would not fill them
        _replace_convolutions(network.slices, 4, WeakTensorKeyDictionary())
    else:
        _replace_convolutions(network, 4, None)
    return network.double()


def _replace_convolutions(module: nn.Module, outputs: int, known: WeakTensorKeyDictionary | None) -> None:
    for name, child in module.named_children():
        if not isinstance(child, nn.Conv2d):
            _replace_convolutions(child, outputs, known)
        elif child.kernel_size == (1, 1):
            setattr(module, name, PointwiseConv(child))
        elif child.groups > 1:
            setattr(module, name, DepthwiseConv(child))
        elif child.padding != (0, 0):  # else it sees whole windows: a matrix product already
            shared = known if isinstance(child, SideBySide) else None
            setattr(module, name, WinogradConv(child, outputs, shared))


def transforms(outputs: int, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What filters a line: A^T ((G filter) * (B^T tile)) (Lavin 2016, eq. 6; Toom-Cook's points).

    Returns:
        A^T (outputs, n), G (n, side) and B^T (n, n), n = outputs + side - 1, of n - 1 points and infinity.
    """
    points = np.array(_POINTS[: outputs + side - 2], np.float64)
    others = [np.delete(points, i) for i in range(len(points))]
    scales = [1 / np.prod(point - rest) for point, rest in zip(points, others, strict=True)]
    evaluate = np.vander(points, outputs, increasing=True)
    filters = np.vander(points, side, increasing=True) * np.array(scales)[:, None]
    tile = [[*np.poly(rest)[::-1], 0] for rest in others]
    return (
        np.vstack([evaluate, _infinity(outputs)]).T,
        np.vstack([filters, _infinity(side)]),
        np.array([*tile, np.poly(points)[::-1]]),
    )


def _infinity(length: int) -> np.ndarray:
    """What the point at infinity sees of a polynomial: its last coefficient."""
    return np.eye(length)[-1]
