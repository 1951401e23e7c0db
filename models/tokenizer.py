"""VQGAN tokenizer: picture to index map and back (MAGE §3; VQGAN, Esser 2021).

image ──Encoder──> features ──nearest code──> indices ──embedding──> Decoder ──> image
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import PyramidConfig, TokenizerConfig
from .layers import Binomial, PointwiseConv, ResnetBlock, make_norm


def _block(config: PyramidConfig, inputs: int, outputs: int) -> ResnetBlock:
    return ResnetBlock(inputs, outputs, config.norm, config.shortcut_on_output)


class Level(nn.Module):
    """The residual blocks of one resolution, and the way to the next one."""

    def __init__(self, config: PyramidConfig, inputs: int, width: int, upsample: bool = False) -> None:
        super().__init__()
        widths = [inputs] + [width] * config.blocks
        self.block = nn.ModuleList(_block(config, a, b) for a, b in zip(widths, widths[1:], strict=False))
        if upsample:
            self.upsample = nn.Module()
            self.upsample.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.block:
            x = block(x)
        return x


class Middle(nn.Module):
    """Residual blocks at the coarsest resolution."""

    def __init__(self, config: PyramidConfig) -> None:
        super().__init__()
        for i in range(config.middle_blocks):
            self.add_module(f"block_{i + 1}", _block(config, config.widths[-1], config.widths[-1]))

    def forward(self, x: Tensor) -> Tensor:
        for block in self.children():
            x = block(x)
        return x


class Encoder(nn.Module):
    """(B, inputs, H, W) to (B, outputs, H/16, W/16); 3 inputs are a picture in [0, 1]."""

    def __init__(self, config: PyramidConfig, outputs: int, inputs: int = 3) -> None:
        super().__init__()
        self.stem = config.stem
        finest, coarsest = config.widths[0], config.widths[-1]
        self.conv_in = nn.Conv2d(inputs * config.stem**2, finest, 3, padding=1, bias=False)
        before = (finest, *config.widths)
        self.down = nn.ModuleList(Level(config, a, b) for a, b in zip(before, config.widths, strict=False))
        self.mid = Middle(config)
        self.norm_out = make_norm(config.norm, coarsest)
        self.conv_out = PointwiseConv(coarsest, outputs)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv_in(F.pixel_unshuffle(x, self.stem) if self.stem > 1 else x)
        for i, level in enumerate(self.down):
            h = level(h if i == 0 else F.avg_pool2d(h, 2))
        return self.conv_out(F.silu(self.norm_out(self.mid(h))))


class Decoder(nn.Module):
    """(B, inputs, H/16, W/16) to a list of features, coarsest first, and from the last one to pixels.

    The duplicate of it that corrects pixels has the same features and no use for a picture of its own.
    """

    def __init__(self, config: PyramidConfig, inputs: int, head: bool = True) -> None:
        super().__init__()
        self.stem = config.stem
        finest, coarsest = config.widths[0], config.widths[-1]
        self.interpolation = "bilinear" if config.smooth else "nearest"
        self.smooth = Binomial() if config.smooth else nn.Identity()
        self.conv_in = nn.Conv2d(inputs, coarsest, 3, padding=1)
        self.mid = Middle(config)
        before = (*config.widths[1:], coarsest)
        self.up = nn.ModuleList(
            Level(config, a, b, upsample=i > 0)
            for i, (a, b) in enumerate(zip(before, config.widths, strict=True))
        )
        if head:
            self.norm_out = make_norm(config.norm, finest)
            self.conv_out = nn.Conv2d(finest, 3 * config.stem**2, 3, padding=1)

    def features(
        self, code: Tensor, added: Sequence[Tensor] | None = None, skips: Sequence[Tensor] = ()
    ) -> list[Tensor]:
        """The features behind the middle and behind every level.

        Args:
            added: joins them, one for each.
            skips: joins the input of the levels, finest first; there may be fewer than levels.
        """
        h = self.mid(self.conv_in(code))
        outputs: list[Tensor] = []
        for i in range(len(self.up), -1, -1):
            if i < len(skips):
                h = h + skips[i]
            if i < len(self.up):
                h = self.up[i](h)
            if added is not None:
                h = h + added[len(outputs)]
            outputs.append(h)
            if 0 < i < len(self.up):
                h = self.up[i].upsample.conv(F.interpolate(h, scale_factor=2.0, mode=self.interpolation))  # type: ignore
        return outputs

    def picture(self, features: Tensor) -> Tensor:
        """(B, 3, H, W), about [0, 1], not clipped, of the finest features."""
        pixels = self.conv_out(F.silu(self.norm_out(features)))
        return self.smooth(F.pixel_shuffle(pixels, self.stem) if self.stem > 1 else pixels)

    def forward(self, code: Tensor, added: Sequence[Tensor] | None = None) -> Tensor:
        return self.picture(self.features(code, added)[-1])


class Codebook(nn.Module):
    """`codes` vectors; the nearest by Euclidean distance stands for a feature."""

    def __init__(self, codes: int, dim: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(codes, dim)
        nn.init.uniform_(self.embedding.weight, -1 / codes, 1 / codes)

    def nearest(self, features: Tensor) -> Tensor:
        """(B, dim, h, w) to int64 indices (B, h, w)."""
        flat = features.permute(0, 2, 3, 1).flatten(0, 2)
        codes = self.embedding.weight
        distances = codes.square().sum(dim=1) - 2 * flat @ codes.T
        return distances.argmin(dim=1).view(features.shape[0], *features.shape[2:])

    def forward(self, indices: Tensor) -> Tensor:
        """(B, h, w) indices to (B, dim, h, w) codes."""
        return self.embedding(indices).permute(0, 3, 1, 2)


class Tokenizer(nn.Module):
    """Encoder, codebook and pixel decoder."""

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        self.complements = config.complements
        self.encoder = Encoder(config.encoder, config.dim, 6 if config.complements else 3)
        self.quantize = Codebook(config.codes, config.dim)
        self.decoder = Decoder(config.decoder, config.dim)

    def features(self, image: Tensor, restoration: Tensor | None = None) -> Tensor:
        """(B, 3, H, W) in [0, 1], sides multiples of 16, to what codes stand for, (B, dim, H/16, W/16).

        Args:
            restoration: what the continuous stream says of the image already, likewise; None: nothing.
                Only a tokenizer that `complements` it looks at it.
        """
        if self.complements:
            known = torch.zeros_like(image) if restoration is None else restoration.to(image.dtype)
            image = torch.cat([image, known], dim=1)
        return self.encoder(image)

    @torch.no_grad()
    def indices(self, image: Tensor, restoration: Tensor | None = None) -> Tensor:
        """The index map (B, H/16, W/16), int64, of what `features` takes."""
        return self.quantize.nearest(self.features(image, restoration).float())
