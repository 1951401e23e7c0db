"""VQGAN with attention, as both first stages have it (Esser 2021). Pictures are in [-1, 1], (B, 3, H, W)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from ulbic.models.config import Norm
from ulbic.models.layers import Binomial, ResnetBlock, make_norm

from .config import TrunkConfig


class SpatialAttention(nn.Module):
    """One-head attention between all positions, and a skip (VQGAN `AttnBlock`)."""

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        self.norm = make_norm(norm, channels)
        self.q, self.k, self.v, self.proj_out = (nn.Conv2d(channels, channels, 1) for _ in range(4))

    def forward(self, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """(B, C, H, W) to the same; `weight` (B, H W) multiplies what each position gives to all others.

        The weights of the softmax are not brought back to a sum of 1 after that.
        """
        h = self.norm(x)
        q, k, v = (conv(h).flatten(2).transpose(1, 2) for conv in (self.q, self.k, self.v))
        if weight is not None:
            v = v * weight[:, :, None]
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).view_as(x)
        return x + self.proj_out(mixed)


def resnet_block(config: TrunkConfig, inputs: int, outputs: int) -> ResnetBlock:
    """VQGAN's own: with biases, the shortcut on the input."""
    return ResnetBlock(inputs, outputs, config.norm, shortcut_on_output=False, bias=True)


class Level(nn.Module):
    """The blocks of one resolution; each is followed by attention where the configuration says so."""

    def __init__(self, config: TrunkConfig, index: int, inputs: int, blocks: int) -> None:
        super().__init__()
        width = config.widths[index]
        widths = [inputs] + [width] * blocks
        self.block = nn.ModuleList(
            resnet_block(config, a, b) for a, b in zip(widths, widths[1:], strict=False)
        )
        count = blocks if index in config.attention else 0
        self.attn = nn.ModuleList(SpatialAttention(width, config.norm) for _ in range(count))

    def forward(self, x: Tensor) -> Tensor:
        for i, block in enumerate(self.block):
            x = block(x)
            if len(self.attn):
                x = self.attn[i](x)
        return x


class Downsample(nn.Module):
    """Half the size: a 3x3 convolution that looks one row and column past the right and lower edge."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, (0, 1, 0, 1)))


class Upsample(nn.Module):
    """Twice the size: nearest neighbour, or bilinear if `smooth`, and a 3x3 convolution."""

    def __init__(self, channels: int, smooth: bool = False) -> None:
        super().__init__()
        self.mode = "bilinear" if smooth else "nearest"
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.interpolate(x, scale_factor=2.0, mode=self.mode))


class Middle(nn.Module):
    """Block, attention, block."""

    def __init__(self, config: TrunkConfig, width: int) -> None:
        super().__init__()
        self.block_1 = resnet_block(config, width, width)
        self.attn_1 = SpatialAttention(width, config.norm)
        self.block_2 = resnet_block(config, width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.block_2(self.attn_1(self.block_1(x)))


class Encoder(nn.Module):
    """A picture to one feature map for each of `heads`, coarsest first.

    The last head stands on the level that is finest among them: with ("_coarse", "_fine") the maps are
    (B, outputs, H/s, W/s) and (B, outputs, 2 H/s, 2 W/s), where s is the configuration's stride.
    """

    def __init__(self, config: TrunkConfig, outputs: int, heads: tuple[str, ...] = ("",)) -> None:
        super().__init__()
        self.stem, self.heads = config.stem, heads
        widths = config.widths
        self.conv_in = nn.Conv2d(3 * config.stem**2, widths[0], 3, padding=1)
        inputs = (widths[0], *widths)
        self.down = nn.ModuleList(Level(config, i, inputs[i], config.blocks) for i in range(len(widths)))
        for level, width in zip(self.down[:-1], widths, strict=False):
            level.downsample = Downsample(width)
        for i, head in enumerate(heads):
            width = widths[-1 - i]
            self.add_module(f"mid{head}", Middle(config, width))
            self.add_module(f"norm_out{head}", make_norm(config.norm, width))
            self.add_module(f"conv_out{head}", nn.Conv2d(width, outputs, 3, padding=1))

    def maps(self, picture: Tensor) -> list[Tensor]:
        """One feature map a head; sides of the picture are multiples of the stride."""
        h = self.conv_in(F.pixel_unshuffle(picture, self.stem))
        levels: list[Tensor] = []
        for level in self.down:
            if levels:
                h = self.down[len(levels) - 1].downsample(h)  # type: ignore[operator]
            h = level(h)
            levels.append(h)
        return [self._head(head, h) for head, h in zip(self.heads, reversed(levels), strict=False)]

    def _head(self, head: str, h: Tensor) -> Tensor:
        middle, norm, conv = (getattr(self, name + head) for name in ("mid", "norm_out", "conv_out"))
        return conv(F.silu(norm(middle(h))))


class Decoder(nn.Module):
    """(B, inputs, h, w) to pictures, about [-1, 1], not clipped.

    Without `inputs` there is neither first convolution nor middle: the features are of the coarsest width.
    """

    def __init__(self, config: TrunkConfig, inputs: int | None) -> None:
        super().__init__()
        self.stem, self.enters = config.stem, inputs is not None
        widths = config.widths
        if inputs is not None:
            self.conv_in = nn.Conv2d(inputs, widths[-1], 3, padding=1)
            self.mid = Middle(config, widths[-1])
        before = (*widths[1:], widths[-1])
        self.up = nn.ModuleList(Level(config, i, before[i], config.blocks + 1) for i in range(len(widths)))
        for level, width in zip(self.up[1:], widths[1:], strict=True):
            level.upsample = Upsample(width, config.smooth)
        self.norm_out = make_norm(config.norm, widths[0])
        self.conv_out = nn.Conv2d(widths[0], 3 * config.stem**2, 3, padding=1)
        self.smooth = Binomial() if config.smooth else nn.Identity()

    def forward(self, h: Tensor) -> Tensor:
        if self.enters:
            h = self.mid(self.conv_in(h))
        for i in range(len(self.up) - 1, -1, -1):
            h = self.up[i](h)
            if i:
                h = self.up[i].upsample(h)  # type: ignore[operator]
        return self.smooth(F.pixel_shuffle(self.conv_out(F.silu(self.norm_out(h))), self.stem))
