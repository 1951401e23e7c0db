"""Convolutions in float64, for which PyTorch has only slow kernels on CPUs.

What decides symbols runs in float64 (docs/reproducibility.md). The sums are nn.Conv2d's, in another order.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .continuous import ContextModel

TILE = 6  # side of an input tile; it yields a square of 7 - k pixels under a filter of k x k
_INPUT = (  # transforms of a line, at the points 0, 1, -1, 2, -2, infinity
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
_POINTS = (0, 1, -1, 2, -2)
_SCALES = (1 / 4, -1 / 6, -1 / 6, 1 / 24, 1 / 24)


class WinogradConv(nn.Module):
    """A 3x3 or 5x5 convolution of stride 1 (Lavin 2016): 4 or 2.8 times fewer multiplications."""

    weight: Tensor
    bias: Tensor
    input_transform: Tensor
    output_transform: Tensor

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        assert conv.bias is not None
        self.side = conv.kernel_size[0]
        self.outputs = TILE + 1 - self.side  # pixels a side that one tile yields
        filters = conv.weight.detach().double().flatten(2)  # (outputs, inputs, side^2)
        self.register_buffer("weight", torch.einsum("tk,oik->toi", _filter_transform(self.side), filters))
        self.register_buffer("bias", conv.bias.detach().double()[:, None, None])
        self.register_buffer("input_transform", _both_axes(torch.tensor(_INPUT).double()))
        self.register_buffer("output_transform", _output_transform(self.outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H, W), float64."""
        batch, inputs, height, width = x.shape
        reach, step = self.side // 2, self.outputs
        padded = F.pad(x, (reach, reach + -width % step, reach, reach + -height % step))
        tiles = padded.unfold(2, TILE, step).unfold(3, TILE, step)  # (B, inputs, rows, columns, 6, 6)
        rows, columns = tiles.shape[2:4]
        flat = tiles.permute(4, 5, 1, 0, 2, 3).reshape(TILE**2, -1)
        transformed = (self.input_transform @ flat).view(TILE**2, inputs, -1)
        products = self.weight @ transformed  # (36, outputs, tiles)
        pixels = (self.output_transform @ products.flatten(1)).view(step, step, -1, batch, rows, columns)
        joined = pixels.permute(3, 2, 4, 0, 5, 1).flatten(4, 5).flatten(2, 3)
        return joined[:, :, :height, :width] + self.bias


class DepthwiseConv(nn.Module):
    """A 3x3 convolution channel by channel."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.conv = conv.double()

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, H, W) in and out, float64."""
        height, width = x.shape[2:]
        padded, weight = F.pad(x, (1, 1, 1, 1)), self.conv.weight
        shifted = (
            padded[:, :, i : i + height, j : j + width] * weight[:, :, i, j, None]
            for i in range(3)
            for j in range(3)
        )
        assert self.conv.bias is not None
        return sum(shifted, self.conv.bias[:, None, None])


def in_float64(context: ContextModel) -> ContextModel:
    """The context model in float64, in place; MLIC++'s large one with its padded convolutions replaced."""
    if context.config.context == "attention":
        _replace_convolutions(context)
    return context.double()


def _replace_convolutions(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.Conv2d):
            setattr(module, name, _replaced(child))
        else:
            _replace_convolutions(child)


def _replaced(conv: nn.Conv2d) -> nn.Module:
    if conv.padding == (0, 0):  # 1x1, or a whole window: a matrix product already
        return conv.double()
    return WinogradConv(conv) if conv.groups == 1 else DepthwiseConv(conv)


def _filter_transform(side: int) -> Tensor:
    """(36, side^2): a filter, as a polynomial, at every point, scaled."""
    line = [[scale * point**k for k in range(side)] for point, scale in zip(_POINTS, _SCALES, strict=True)]
    return _both_axes(torch.tensor([*line, _infinity(side)], dtype=torch.float64))


def _output_transform(outputs: int) -> Tensor:
    """(outputs^2, 36): values at the points to pixels."""
    line = [[*(point**k for point in _POINTS), _infinity(outputs)[k]] for k in range(outputs)]
    return _both_axes(torch.tensor(line, dtype=torch.float64))


def _infinity(length: int) -> list[float]:
    """What the point at infinity sees of a polynomial: its last coefficient."""
    return [0.0] * (length - 1) + [1.0]


def _both_axes(line: Tensor) -> Tensor:
    """The transform of a line applied to the rows and columns of a flattened square."""
    return torch.kron(line, line)
