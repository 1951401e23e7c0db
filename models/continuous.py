"""The continuous stream: an MLIC-type codec of the 4x (in area) down-sampled picture.

    x ──g_a──> y ──h_a──> z            (to the file: z, then y slice by slice, phase by phase)
    x_hat <──g_s── y_hat <──contexts── z_hat ──h_s──> hyper

Source: MLIC++ (Jiang 2023) for the transforms and contexts, HybridFlow §3.1 for the down-sampling, gain
vectors after Cui 2021 (asymmetric gained VAE). `base` has MLIC++'s own contexts (`attention_context`), `tiny`
convolutional ones (`context`), which look less far and cost less.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import ContinuousConfig
from .context import ContextModel
from .entropy import FactorizedPrior
from .lapped import LappedTransform
from .transforms import Analysis, HyperAnalysis, Synthesis

GAIN_STEP = math.log(5.0) / 7  # between the gain vectors, at first
BICUBIC = (-3 / 128, 29 / 128, 111 / 128, -9 / 128)  # a quarter of a pixel before the third of four


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
            gain: (B,), or of every cell (B, h, w), up to gains - 1, the number of a gain vector; between two
                numbers their logarithms are interpolated linearly (Cui 2021, "exponent interpolation"), below
                0 extrapolated.
        """
        return y * _gain_vector(self.log_gain, gain) if self.config.gains > 1 else y

    def attenuate(self, y_hat: Tensor, gain: Tensor) -> Tensor:
        """The inverse of `amplify`, but learnt by itself; in the type and on the device of `y_hat`."""
        if self.config.gains == 1:
            return y_hat
        return y_hat * _gain_vector(self.log_inverse_gain.to(y_hat), gain.to(y_hat.device))

    def hyper_analyse(self, y: Tensor) -> Tensor:
        """z (B, hyper_channels, ceil(h/4), ceil(w/4)) of y (B, latents, h, w)."""
        h, w = y.shape[2:]
        return self.h_a(F.pad(y, (0, -w % 4, 0, -h % 4), mode="replicate"))

    def synthesise(self, y_hat: Tensor, gain: Tensor) -> Tensor:
        """The restoration, about [0, 1], from the decoded latents (B, latents, h, w).

        (B, 3, 16 h, 16 w), or where the configuration has full size, (B, 3, 32 h, 32 w).
        """
        y_hat = self.attenuate(y_hat, gain)
        learnt = self.g_s(y_hat)
        if self.lapped is None:
            return learnt
        small = self.lapped.inverse(y_hat)
        return learnt + (enlarge(small) if self.config.full_size else small)


def enlarge(small: Tensor) -> Tensor:
    """(B, C, H, W) to (B, C, 2 H, 2 W), bicubic, edges repeated.

    Keys' cubic (1981, a = -1/2), which keeps slopes and curves. That of `F.interpolate` (a = -3/4)
    turns a slope into steps, a grain of period 2; its backward pass takes ten times as long, too.
    """
    taps = small.new_tensor([(*BICUBIC, 0), (0, *BICUBIC[::-1])])
    channels = small.shape[1]
    kernel = torch.einsum("cd,mi,nj->cmndij", torch.eye(channels).to(taps), taps, taps)
    padded = F.pad(small, (2, 2, 2, 2), mode="replicate")
    return F.pixel_shuffle(F.conv2d(padded, kernel.reshape(4 * channels, channels, 5, 5)), 2)


def _gain_vector(logarithms: Tensor, gain: Tensor) -> Tensor:
    """(B, latents, 1, 1) or (B, latents, h, w) factors of rate points (B,) or (B, h, w).

    Args:
        logarithms: (gains, latents), those of whole rate points.
    """
    if gain.dim() == 1:
        gain = gain[:, None, None]
    below = gain.floor().long().clamp(0, len(logarithms) - 2)
    fraction = (gain - below)[..., None].to(logarithms)
    return torch.lerp(logarithms[below], logarithms[below + 1], fraction).exp().movedim(-1, 1)
