"""MLIC++'s context model of one slice of the latents: checkerboard windows and linear global attention.

    hyper, earlier slices ──channel, inter-slice──> anchors' mean and scale
                    + ──local, intra-slice (decoded anchors)──> the other half's mean and scale

Source: MLIC++ (Jiang 2023), §3.2-3.4, and its public code for what the paper leaves open. Module names follow
the public checkpoints except for what `adapters.mlicpp` renames.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import ContinuousConfig
from .phases import Known

LOCAL_WINDOW = 5  # side of the window of the local context, in latents
REACH = LOCAL_WINDOW // 2
HEAD = 32  # channels a head of the inter-slice attention
MASKED = -100.0  # what the public code adds to the logit of a pair that is not two anchors
CHUNK = 4096  # windows held in memory at a time


class AttentionSlice(nn.Module):
    """Mean and scale of one slice, from hyper features, earlier slices, and its own first half."""

    def __init__(self, config: ContinuousConfig, index: int) -> None:
        super().__init__()
        size = config.slices[index]
        known = 2 * config.latents + (6 * size if index else 0)
        more = 4 * size if index else 2 * size
        self.local_context = LocalContext(size)
        if index:
            self.channel_context = convolutions(3, size * index, 192, 128, 4 * size)
            self.global_inter_context = GlobalContext(size * index, size * index // HEAD, 3 * size, 2 * size)
            self.global_intra_context = GlobalContext(size, 2, 2 * size, 2 * size)
        self.entropy_parameters = nn.ModuleList(
            convolutions(1, inputs, 320, 256, 128, 2 * size) for inputs in (known, known + more)
        )
        self.residual_prediction = nn.ModuleList(
            convolutions(3, config.latents + size * (index + 1), 224, 128, size) for _ in range(2)
        )

    def features(self, hyper: Tensor, decoded: Sequence[Tensor]) -> Tensor:
        """What both phases know: (B, channels, H, W)."""
        if not decoded:
            return hyper
        earlier = torch.cat(list(decoded), dim=1)
        inter = self.global_inter_context(earlier, earlier, earlier)
        return torch.cat([inter, self.channel_context(*decoded), hyper], dim=1)

    def distribution(self, phase: int, known: Known) -> tuple[Tensor, Tensor]:
        """(mean, scale) of the phase, zeros elsewhere."""
        cells, current = known.cells[phase], known.current
        placed = current.new_zeros(current.shape[0], *cells.shape, 2 * current.shape[1])
        if bool(cells.any()):  # a map of a single latent has no anchors
            gathered = self._gathered(phase, known).transpose(1, 2)[..., None]  # (B, channels, n, 1)
            placed[:, cells] = self.entropy_parameters[phase](gathered)[..., 0].transpose(1, 2)
        scale, mean = placed.permute(0, 3, 1, 2).chunk(2, dim=1)
        return mean, scale

    def _gathered(self, phase: int, known: Known) -> Tensor:
        """(B, n, channels): what is known at the n cells of the phase."""
        features, current, decoded, phases = known
        cells = phases[phase]
        parts = [features.permute(0, 2, 3, 1)[:, cells]]
        if phase:
            anchors, others = phases
            if decoded:
                last = decoded[-1]
                intra = self.global_intra_context(last * others, last * anchors, current, others, anchors)
                parts.insert(0, intra.permute(0, 2, 3, 1)[:, cells])
            parts.insert(0, self.local_context(current, anchors, cells))
        return torch.cat(parts, dim=2)

    def refine(self, phase: int, current: Tensor, known: Sequence[Tensor], cells: Tensor) -> Tensor:
        """Latent residual prediction (Minnen 2020, §3.3): `current` nearer to what was rounded."""
        residual = self.residual_prediction[phase](*known, current)
        return current + 0.5 * torch.tanh(residual) * cells


class LocalContext(nn.Module):
    """Attention within 5x5 windows (MLIC++ §3.3): every cell of a window asks, then all answers are fused.

    Anchors attend to anchors; cells that are not decoded yet, whose content is zero, to the whole window.
    """

    def __init__(self, size: int, heads: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(size)
        self.qkv_proj = nn.Linear(size, 3 * size)
        self.relative_position_table = nn.Parameter(torch.empty((2 * LOCAL_WINDOW - 1) ** 2, heads))
        nn.init.trunc_normal_(self.relative_position_table, std=0.02)
        self.fusion = nn.Conv2d(size, 2 * size, LOCAL_WINDOW)
        self.proj = nn.Linear(2 * size, 2 * size)
        self.norm2 = nn.LayerNorm(2 * size)
        self.mlp = nn.Sequential()
        self.mlp.add_module("fc1", nn.Linear(2 * size, 4 * size))
        self.mlp.add_module("act", nn.GELU())
        self.mlp.add_module("fc2", nn.Linear(4 * size, 2 * size))

    def forward(self, x: Tensor, anchors: Tensor, cells: Tensor) -> Tensor:
        """(B, n, 2 size) at the n `cells` of x (B, size, H, W), which is zero but at the `anchors`."""
        qkv = self.qkv_proj(self.norm1(x.permute(0, 2, 3, 1)))
        border = (REACH,) * 4
        qkv, decoded = F.pad(qkv, (0, 0, *border)).flatten(1, 2), F.pad(anchors, border).flatten()
        bias = self.relative_position_table[relative_positions(x.device)].permute(2, 0, 1)
        parts = [
            self._attend(qkv[:, chunk], decoded[chunk], bias) for chunk in windows_around(cells).split(CHUNK)
        ]
        return torch.cat(parts, dim=1)

    def _attend(self, qkv: Tensor, decoded: Tensor, bias: Tensor) -> Tensor:
        """Windows qkv (B, n, 25, 3 size), where `decoded` (n, 25), to (B, n, 2 size)."""
        parts = qkv.unflatten(3, (3, -1, self.heads))  # the public weights interleave the heads' channels
        q, k, v = parts.permute(3, 0, 1, 5, 2, 4).contiguous()  # each (B, n, heads, 25, head)
        pairs = decoded[:, :, None] & decoded[:, None, :]
        mask = bias + torch.where(pairs, 0.0, MASKED).to(bias)[:, None]
        logits = (q * q.shape[4] ** -0.5) @ k.transpose(3, 4) + mask  # faster than PyTorch's own in float64
        answers = logits.softmax(dim=4) @ v
        flat = answers.transpose(3, 4).flatten(2)
        x = self.proj(F.linear(flat, self.fusion.weight.flatten(1), self.fusion.bias))
        return x + self.mlp(self.norm2(x))


class GlobalContext(nn.Module):
    """Attention between all positions at linear cost (Shen 2021; MLIC++ §3.4), within or between slices."""

    def __init__(self, inputs: int, heads: int, width: int, outputs: int) -> None:
        super().__init__()
        self.heads = heads
        hidden = 2 * outputs
        self.keys, self.queries, self.values = (separable(inputs) for _ in range(3))
        self.reprojection = nn.Conv2d(inputs, width, 5, padding=2)
        self.mlp = nn.Sequential(
            nn.Conv2d(width, hidden, 1),
            nn.GELU(),
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden),
            nn.GELU(),
            nn.Conv2d(hidden, outputs, 1),
        )
        self.skip = nn.Conv2d(width, outputs, 1) if width != outputs else nn.Identity()

    def forward(
        self,
        asking: Tensor,
        keyed: Tensor,
        valued: Tensor,
        asking_cells: Tensor | None = None,
        keyed_cells: Tensor | None = None,
    ) -> Tensor:
        """(B, inputs, H, W) three times to (B, outputs, H, W).

        The cells, (H, W) bool, say which positions ask, and which are asked; all where None.
        """
        query, key, value = (
            network(x).flatten(2).unflatten(1, (self.heads, -1))  # (B, heads, head, H W)
            for network, x in ((self.queries, asking), (self.keys, keyed), (self.values, valued))
        )
        query = query.softmax(dim=2)
        if asking_cells is not None:
            query = query * asking_cells.flatten()
        if keyed_cells is None:
            key = key.softmax(dim=3)
        else:
            limited = keyed_cells.flatten()
            key = key.masked_fill(~limited, torch.finfo(key.dtype).min).softmax(dim=3) * limited
        summary = value @ key.transpose(2, 3)  # (B, heads, head, head)
        attended = self.reprojection((summary @ query).flatten(1, 2).view_as(asking))
        return self.skip(attended) + self.mlp(attended)


def separable(width: int) -> nn.Sequential:
    """A convolution of 1x1, and one of 3x3 channel by channel."""
    return nn.Sequential(nn.Conv2d(width, width, 1), nn.Conv2d(width, width, 3, padding=1, groups=width))


class SideBySide(nn.Conv2d):
    """A convolution of the channels of several images."""

    def forward(self, *images: Tensor) -> Tensor:
        return super().forward(torch.cat(images, dim=1))


class Convolutions(nn.Sequential):
    """Layers of which the first is given several images, (B, channels, H, W) each, side by side."""

    def forward(self, *images: Tensor) -> Tensor:
        first, *others = self
        x = first(*images)
        for layer in others:
            x = layer(x)
        return x


def convolutions(side: int, *widths: int) -> Convolutions:
    """Convolutions of side x side with GELU between them, through `widths` channels."""
    layers: list[nn.Module] = []
    for inputs, outputs in zip(widths, widths[1:], strict=False):
        kind = nn.Conv2d if layers else SideBySide
        layers += [kind(inputs, outputs, side, padding=side // 2), nn.GELU()]
    return Convolutions(*layers[:-1])


def windows_around(cells: Tensor) -> Tensor:
    """Flat positions (n, 25), in a map padded by REACH, of the window around each of `cells` (H, W) bool."""
    rows, columns = cells.nonzero().unbind(dim=1)
    width = cells.shape[1] + 2 * REACH
    step = torch.arange(LOCAL_WINDOW, device=cells.device)
    offsets = (step[:, None] * width + step).flatten()
    return (rows * width + columns)[:, None] + offsets


def relative_positions(device: torch.device) -> Tensor:
    """(25, 25) row of the position table for every pair of cells of a window (Swin, Liu 2021)."""
    line = torch.arange(LOCAL_WINDOW, device=device)
    row, column = line.repeat_interleave(LOCAL_WINDOW), line.repeat(LOCAL_WINDOW)
    reach = LOCAL_WINDOW - 1
    return (row[:, None] - row + reach) * (2 * LOCAL_WINDOW - 1) + (column[:, None] - column + reach)
