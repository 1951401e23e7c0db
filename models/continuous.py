"""The continuous stream: an MLIC-type codec of the 4x (in area) down-sampled picture.

    x ──g_a──> y ──h_a──> z            (to the file: z, then y slice by slice, phase by phase)
    x_hat <──g_s── y_hat <──contexts── z_hat ──h_s──> hyper

Source: MLIC++ (Jiang 2023) for the transforms and contexts, HybridFlow §3.1 for the down-sampling, gain
vectors after Cui 2021 (asymmetric gained VAE). `base` has MLIC++'s own contexts (`attention_context`), `tiny`
the convolutional ones below, which look less far and cost less.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .attention_context import AttentionSlice
from .bounds import bounded
from .config import ContinuousConfig
from .entropy import FactorizedPrior
from .known import Known
from .lapped import LappedTransform
from .layers import Binomial, ResidualBlock, ResidualBlockDown, ResidualBlockUp, subpixel


class Pass(NamedTuple):
    """What the context model knows of the cells of one phase of one slice, before they are coded."""

    channels: slice  # of the latent
    cells: Tensor  # (H, W) bool: the positions coded in this pass
    mean: Tensor  # (B, slice channels, H, W)
    scale: Tensor  # likewise, standard deviation


CodeLatents = Callable[[Pass], Tensor]

GAIN_STEP = math.log(5.0) / 7  # between the gain vectors, at first


class Analysis(nn.Sequential):
    """g_a: (B, 3, H, W) in [0, 1] to (B, latents, H/16, W/16)."""

    def __init__(self, config: ContinuousConfig) -> None:
        width = config.analysis_channels
        strides = 4 - int(math.log2(config.stem))
        layers: list[nn.Module] = []
        inputs = 3 * config.stem**2
        if config.stem > 1:
            layers += [nn.PixelUnshuffle(config.stem), nn.Conv2d(inputs, width, 3, padding=1)]
            layers += [ResidualBlock(width, width)]
            inputs = width
        for _ in range(strides - 1):
            layers += [ResidualBlockDown(inputs, width), ResidualBlock(width, width)]
            inputs = width
        layers += [nn.Conv2d(width, config.latents, 3, stride=2, padding=1)]
        super().__init__(*layers)


class Synthesis(nn.Sequential):
    """g_s: (B, latents, H, W) to (B, 3, 16 H, 16 W), about [0, 1], not clipped; of full size 32 H, 32 W."""

    def __init__(self, config: ContinuousConfig) -> None:
        layers: list[nn.Module] = [ResidualBlock(config.latents, config.latents)]
        inputs = config.latents
        for width in config.synthesis_channels:
            layers += [ResidualBlockUp(inputs, width), ResidualBlock(width, width)]
            inputs = width
        for width in config.head_channels:
            layers += [subpixel(inputs, width, 2), ResidualBlock(width, width)]
            inputs = width
        layers += [subpixel(inputs, 3, config.head)] + ([Binomial()] if config.smooth else [])
        super().__init__(*layers)


class HyperAnalysis(nn.Sequential):
    """h_a: y to z, four times smaller a side."""

    def __init__(self, config: ContinuousConfig) -> None:
        width = config.hyper_channels
        layers: list[nn.Module] = [nn.Conv2d(config.latents, width, 3, padding=1)]
        for stride in (1, 2, 1, 2):
            layers += [nn.GELU(), nn.Conv2d(width, width, 3, stride=stride, padding=1)]
        super().__init__(*layers)


class HyperSynthesis(nn.Sequential):
    """h_s: z_hat to 2 x latents features, four times larger a side."""

    def __init__(self, config: ContinuousConfig) -> None:
        first, second = config.hyper_synthesis
        super().__init__(
            nn.Conv2d(config.hyper_channels, first, 3, padding=1),
            nn.GELU(),
            subpixel(first, first, 2),
            nn.GELU(),
            nn.Conv2d(first, second, 3, padding=1),
            nn.GELU(),
            subpixel(second, second, 2),
            nn.GELU(),
            nn.Conv2d(second, 2 * config.latents, 3, padding=1),
        )


class SliceContext(nn.Module):
    """Mean and scale of one slice, from hyper features, earlier slices, and its own earlier phases."""

    def __init__(self, config: ContinuousConfig, index: int) -> None:
        super().__init__()
        size, before = config.slices[index], sum(config.slices[:index])
        width = config.context_channels
        self.phases = config.phases
        if index > 0:
            self.channel_context = nn.Sequential(
                nn.Conv2d(before, width, 3, padding=1),
                nn.GELU(),
                nn.Conv2d(width, width, 3, padding=1),
            )
        marks = 1 if config.phases > 2 else 0  # where the decoded cells are, unless it is always the same
        self.local_context = nn.Conv2d(size + marks, width, 5, padding=2)
        known = 2 * config.latents + (width if index > 0 else 0)
        self.anchor = self._head(known, config.parameter_channels, size)
        self.non_anchor = self._head(known + width, config.parameter_channels, size)
        self.residual_prediction = nn.Sequential(
            nn.Conv2d(config.latents + before + size, width, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(width, size, 3, padding=1),
        )

    @staticmethod
    def _head(inputs: int, width: int, size: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(inputs, width, 1),
            nn.GELU(),
            nn.Conv2d(width, width, 1),
            nn.GELU(),
            nn.Conv2d(width, 2 * size, 1),
        )

    def features(self, hyper: Tensor, decoded: Sequence[Tensor]) -> Tensor:
        """What all phases know: (B, channels, H, W)."""
        if not decoded:
            return hyper
        return torch.cat([hyper, self.channel_context(torch.cat(list(decoded), dim=1))], dim=1)

    def distribution(self, phase: int, known: Known) -> tuple[Tensor, Tensor]:
        """(mean, scale) of the phase."""
        if phase == 0:
            raw = self.anchor(known.features)
        else:
            raw = self.non_anchor(torch.cat([known.features, self._local(phase, known)], dim=1))
        mean, log_scale = raw.chunk(2, dim=1)
        return mean, torch.exp(bounded(log_scale, -4, 5))

    def _local(self, phase: int, known: Known) -> Tensor:
        current = known.current
        if self.phases > 2:
            marks = torch.stack(list(known.cells[:phase])).any(dim=0).to(current)
            current = torch.cat([current, marks.expand(len(current), 1, -1, -1)], dim=1)
        return self.local_context(current)

    def refine(self, phase: int, current: Tensor, known: Sequence[Tensor], cells: Tensor) -> Tensor:
        """Latent residual prediction, once all phases are there."""
        if phase < self.phases - 1:
            return current
        return current + 0.5 * torch.tanh(self.residual_prediction(torch.cat([*known, current], dim=1)))


class ContextModel(nn.Module):
    """What the coder's symbols depend on: h_s and the contexts. `ulbic.codec` runs it in float64."""

    def __init__(self, config: ContinuousConfig) -> None:
        super().__init__()
        self.config = config
        self.h_s = HyperSynthesis(config)
        kind = AttentionSlice if config.context == "attention" else SliceContext
        self.slices = nn.ModuleList(kind(config, i) for i in range(len(config.slices)))

    def forward(self, z_hat: Tensor, size: tuple[int, int], code: CodeLatents) -> Tensor:
        """Walks the passes in coding order and returns y_hat (B, latents, *size).

        `code` is given what is known of a pass and returns the decoded latents of its cells (values
        elsewhere are ignored): training quantises there, the encoder writes, the decoder reads.
        """
        hyper = self.h_s(z_hat)[:, :, : size[0], : size[1]]
        hyper_means = hyper[:, self.config.latents :]
        starts = list(itertools.accumulate(self.config.slices, initial=0))
        phases = quincunx(size, self.config.phases, hyper.device)
        decoded: list[Tensor] = []
        for i, context in enumerate(self.slices):
            channels = slice(starts[i], starts[i + 1])
            features = context.features(hyper, decoded)  # type: ignore[operator]
            current = torch.zeros_like(hyper[:, channels])
            for phase, cells in enumerate(phases):
                known = Known(features, current, decoded, phases)
                mean, scale = context.distribution(phase, known)  # type: ignore[operator]
                current = current + code(Pass(channels, cells, mean, scale)) * cells
                current = context.refine(phase, current, [hyper_means, *decoded], cells)  # type: ignore[operator]
            decoded.append(current)
        return torch.cat(decoded, dim=1)


class ContinuousStream(nn.Module):
    """All networks of the continuous stream."""

    def __init__(self, config: ContinuousConfig) -> None:
        super().__init__()
        self.config = config
        self.g_a = Analysis(config)
        self.g_s = Synthesis(config)
        self.h_a = HyperAnalysis(config)
        self.context = ContextModel(config)
        self.prior = FactorizedPrior(config.hyper_channels, medians=config.context == "attention")
        self.lapped = LappedTransform(config.latents) if config.lapped else None
        if config.gains > 1:
            steps = math.log(0.4) + GAIN_STEP * torch.arange(config.gains)
            self.log_gain = nn.Parameter(steps[:, None].repeat(1, config.latents))
            self.log_inverse_gain = nn.Parameter(-steps[:, None].repeat(1, config.latents))

    def analyse(self, small: Tensor, gain: Tensor) -> Tensor:
        """y of the down-sampled picture, scaled so that a quantisation step is 1.

        Args:
            small: (B, 3, 16 h, 16 w) in [0, 1].
            gain: (B,) up to gains - 1, see `amplify`.

        Returns:
            (B, latents, h, w).
        """
        return self.amplify(self.transform(small), gain)

    def transform(self, small: Tensor) -> Tensor:
        """y (B, latents, h, w) of (B, 3, 16 h, 16 w) in [0, 1], before the gain."""
        y = self.g_a(small)
        return y if self.lapped is None else y + self.lapped(small)

    def amplify(self, y: Tensor, gain: Tensor) -> Tensor:
        """What `transform` gives, (B, latents, h, w), scaled for the rate point `gain`.

        Args:
            gain: (B,) up to gains - 1, the number of a gain vector; between two numbers their logarithms are
                interpolated linearly (Cui 2021, "exponent interpolation"), below 0 extrapolated.
        """
        return y * _gain_vector(self.log_gain, gain) if self.config.gains > 1 else y

    def hyper_analyse(self, y: Tensor) -> Tensor:
        """z (B, hyper_channels, ceil(h/4), ceil(w/4)) of y (B, latents, h, w)."""
        h, w = y.shape[2:]
        return self.h_a(F.pad(y, (0, -w % 4, 0, -h % 4), mode="replicate"))

    def synthesise(self, y_hat: Tensor, gain: Tensor) -> Tensor:
        """The restoration, about [0, 1], from the decoded latents (B, latents, h, w).

        (B, 3, 16 h, 16 w), or where the configuration has full size, (B, 3, 32 h, 32 w).
        """
        if self.config.gains > 1:
            y_hat = y_hat * _gain_vector(self.log_inverse_gain, gain)
        learnt = self.g_s(y_hat)
        if self.lapped is None:
            return learnt
        small = self.lapped.inverse(y_hat)
        return learnt + (enlarge(small) if self.config.full_size else small)


def enlarge(small: Tensor) -> Tensor:
    """(B, 3, H, W) to (B, 3, 2 H, 2 W), bicubic."""
    return F.interpolate(small, scale_factor=2.0, mode="bicubic", align_corners=False)


def _gain_vector(logarithms: Tensor, gain: Tensor) -> Tensor:
    """(B, latents, 1, 1) factors of rate points (B,), given the logarithms (gains, latents) of whole ones."""
    below = gain.floor().long().clamp(0, len(logarithms) - 2)
    fraction = (gain - below)[:, None].to(logarithms)
    return torch.lerp(logarithms[below], logarithms[below + 1], fraction).exp()[:, :, None, None]


def quincunx(size: tuple[int, int], phases: int, device: torch.device) -> list[Tensor]:
    """The cells of each phase, (H, W) bool each: every phase codes as many as all before it together.

    The last phase is one colour of a checkerboard, so that all neighbours of its cells are known; the other
    colour is again a checkerboard, turned by 45 degrees, whose one colour is the last phase but one, and so
    on. With two phases these are the anchors (odd row + column) and the others (He 2021).
    """
    rows, columns = torch.arange(size[0], device=device), torch.arange(size[1], device=device)
    u, v = torch.broadcast_tensors(rows[:, None], columns + 1)
    left = torch.ones(size, dtype=torch.bool, device=device)
    cells = []
    for _ in range(phases - 1):
        odd = (u + v) % 2 == 1
        cells.append(left & odd)
        left = left & ~odd
        u, v = (u + v) // 2, (u - v) // 2
    return [left, *reversed(cells)]
