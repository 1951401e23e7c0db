"""Blocks that several networks share, one reference each."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .bounds import lower_bound
from .config import Norm


class ChannelNorm(nn.Module):
    """LayerNorm over the channels of each position (ConvNeXt, Liu 2022). NCHW in, NCHW out.

    Unlike GroupNorm it never looks at other positions, so that decoding in windows equals decoding
    the whole picture.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        normed = F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, 1e-6)
        return normed.permute(0, 3, 1, 2)


def make_norm(kind: Norm, channels: int) -> nn.Module:
    """GroupNorm(32, eps 1e-6) as in VQGAN, or the local ChannelNorm."""
    return nn.GroupNorm(32, channels, eps=1e-6) if kind == "group" else ChannelNorm(channels)


class PointwiseConv(nn.Conv2d):
    """A 1x1 convolution of stride 1.

    Where an image lies channels last on a CPU it is a matrix product: PyTorch's convolution takes three times
    as long there.
    """

    def __init__(self, inputs: int, outputs: int, bias: bool = True) -> None:
        super().__init__(inputs, outputs, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        if x.is_cuda or not x.is_contiguous(memory_format=torch.channels_last):
            return super().forward(x)
        return F.linear(x.permute(0, 2, 3, 1), self.weight[:, :, 0, 0], self.bias).permute(0, 3, 1, 2)


class ResnetBlock(nn.Module):
    """Norm-swish-conv twice and a skip (VQGAN, Esser 2021; MAGE's variant without `bias`).

    With `shortcut_on_output`, a block that changes the width adds a 1x1 convolution of its own output
    instead of its input: MaskGIT's quirk, which the public MAGE weights need.
    """

    def __init__(
        self, inputs: int, outputs: int, norm: Norm, shortcut_on_output: bool, bias: bool = False
    ) -> None:
        super().__init__()
        self.norm1 = make_norm(norm, inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias)
        self.norm2 = make_norm(norm, outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=bias)
        self.shortcut_on_output = shortcut_on_output
        if inputs != outputs:
            shortcut_inputs = outputs if shortcut_on_output else inputs
            self.nin_shortcut = PointwiseConv(shortcut_inputs, outputs, bias)
        self.changes_width = inputs != outputs

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        if self.changes_width:
            x = self.nin_shortcut(h if self.shortcut_on_output else x)
        return x + h


class GDN(nn.Module):
    """Generalised divisive normalisation and its inverse (Ballé 2016, "Density modeling", eq. 1-2)."""

    def __init__(self, channels: int, inverse: bool = False) -> None:
        super().__init__()
        self.inverse = inverse
        self.beta = nn.Parameter(torch.ones(channels))
        self.gamma = nn.Parameter(0.1 * torch.eye(channels))

    def forward(self, x: Tensor) -> Tensor:
        gamma = lower_bound(self.gamma, 0.0)[:, :, None, None]
        energy = F.conv2d(x * x, gamma, lower_bound(self.beta, 1e-6))
        return x * (energy.sqrt() if self.inverse else energy.rsqrt())


class Binomial(nn.Module):
    """Smooths with [1 2 1]/4 a side, edges repeated; takes away the images that a pixel shuffle leaves."""

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, (1, 1, 1, 1), mode="replicate")
        for _ in range(2):  # sums of neighbours, which are several times faster than avg_pool2d
            x = x[..., 1:] + x[..., :-1]
        for _ in range(2):
            x = x[..., 1:, :] + x[..., :-1, :]
        return x / 16


class ResidualBlock(nn.Module):
    """Conv-GELU-conv-GELU and a skip (Cheng 2020; MLIC++ `ResidualBlock`)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = PointwiseConv(inputs, outputs) if inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.skip(x) + F.gelu(self.conv2(F.gelu(self.conv1(x))))


class ResidualBlockDown(nn.Module):
    """Conv(stride 2)-GELU-conv-GDN and a strided 1x1 skip (MLIC++ `ResidualBlockWithStride`)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.gdn = GDN(outputs)
        self.skip = nn.Conv2d(inputs, outputs, 1, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.skip(x) + self.gdn(self.conv2(F.gelu(self.conv1(x))))


class ResidualBlockUp(nn.Module):
    """Sub-pixel conv-GELU-conv-IGDN and a sub-pixel skip (MLIC++ `ResidualBlockUpsample`)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.subpel_conv = subpixel(inputs, outputs, 2)
        self.conv = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.igdn = GDN(outputs, inverse=True)
        self.upsample = subpixel(inputs, outputs, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.upsample(x) + self.igdn(self.conv(F.gelu(self.subpel_conv(x))))


def subpixel(inputs: int, outputs: int, factor: int) -> nn.Sequential:
    """3x3 convolution and pixel shuffle: (B, inputs, H, W) to (B, outputs, H factor, W factor)."""
    conv = nn.Conv2d(inputs, outputs * factor**2, 3, padding=1)
    assert conv.bias is not None
    with torch.no_grad():  # every sub-pixel starts alike (ICNR, Aitken 2017): no grid at the start
        first = conv.weight[:: factor**2].clone()
        conv.weight.copy_(first.repeat_interleave(factor**2, dim=0))
        conv.bias.copy_(conv.bias[:: factor**2].clone().repeat_interleave(factor**2))
    return nn.Sequential(conv, nn.PixelShuffle(factor))


def zero(module: nn.Module) -> None:
    """Makes a layer give nothing at first, so that what it adds to does not change until it has learnt."""
    for parameter in module.parameters():
        nn.init.zeros_(parameter)
