"""The context model: mean and scale of every latent, from what was decoded before it.

A second kind of slice, MLIC++'s own, is in `attention_context`; both have the same three methods. The walk
over slices and phases is `ulbic.codec.latents.walk`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .attention_context import AttentionSlice
from .bounds import bounded
from .config import ContinuousConfig
from .phases import Known
from .transforms import HyperSynthesis


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
        """(mean, scale) of the phase's cells, zeros elsewhere."""
        x, cells = known.features, known.cells[phase]
        if phase > 0:
            x = torch.cat([x, self._local(phase, known)], dim=1)
        head = self.anchor if phase == 0 else self.non_anchor
        raw = head(x[:, :, cells, None])  # 1x1 convolutions see every cell alone
        mean, log_scale = raw[..., 0].chunk(2, dim=1)
        return _placed(mean, cells), _placed(torch.exp(bounded(log_scale, -4, 5)), cells)

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


def _placed(values: Tensor, cells: Tensor) -> Tensor:
    """Values (B, channels, n) of the n `cells` (H, W) in their places, zeros elsewhere."""
    image = values.new_zeros(*values.shape[:2], *cells.shape)
    image[:, :, cells] = values
    return image


class ContextModel(nn.Module):
    """What the coder's symbols depend on: h_s and the contexts. `ulbic.codec` runs it in float64."""

    def __init__(self, config: ContinuousConfig) -> None:
        super().__init__()
        self.config = config
        self.h_s = HyperSynthesis(config)
        kind = AttentionSlice if config.context == "attention" else SliceContext
        self.slices = nn.ModuleList(kind(config, i) for i in range(len(config.slices)))
