"""Probability models of the continuous stream: float in training, integer tables for the coder.

The coder sees integers only: `ulbic.codec.tables` turns these models into frequency tables once, when weights
are exported; the tables travel with the weights and are never rebuilt (docs/reproducibility.md).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .bounds import lower_bound

SCALE_LEVELS = 64
SCALE_MIN, SCALE_MAX = 0.11, 64.0  # the coded residual's standard deviation, in quantisation steps
MEAN_STEP = 1 / 16  # grid on which predicted means are rounded before symbols depend on them
LIKELIHOOD_FLOOR = 1e-9


def scale_table() -> Tensor:
    """The SCALE_LEVELS standard deviations, log-spaced (Ballé 2018, CompressAI's convention), float64."""
    low, high = math.log(SCALE_MIN), math.log(SCALE_MAX)
    return torch.linspace(low, high, SCALE_LEVELS, dtype=torch.float64).exp()


def gaussian_likelihood(residual: Tensor, scale: Tensor) -> Tensor:
    """Probability that a zero-mean Gaussian of `scale`, rounded to integers, gives `residual`."""
    scale = lower_bound(scale, SCALE_MIN)
    distance = residual.abs()
    upper = torch.special.ndtr((0.5 - distance) / scale)
    lower = torch.special.ndtr((-0.5 - distance) / scale)
    return lower_bound(upper - lower, LIKELIHOOD_FLOOR)


class FactorizedPrior(nn.Module):
    """Learned density of each hyper-latent channel (Ballé 2018, appendix 6.1).

    Parameter names and shapes are those of CompressAI's EntropyBottleneck, whose import alone would
    cost a decoder seconds.
    """

    quantiles: Tensor

    def __init__(
        self, channels: int, filters: tuple[int, ...] = (3, 3, 3, 3), *, medians: bool = False
    ) -> None:
        """With `medians`, each channel's integers are counted from its own median, as in MLIC++."""
        super().__init__()
        self.channels = channels
        if medians:
            self.register_buffer("quantiles", torch.tensor([-10.0, 0.0, 10.0]).repeat(channels, 1, 1))
        widths = (1, *filters, 1)
        scale = 10.0 ** (1 / (len(filters) + 1))
        self.matrices, self.biases, self.factors = nn.ParameterList(), nn.ParameterList(), nn.ParameterList()
        for i, (inputs, outputs) in enumerate(zip(widths, widths[1:], strict=False)):
            init = math.log(math.expm1(1 / scale / outputs))
            self.matrices.append(nn.Parameter(torch.full((channels, outputs, inputs), init)))
            self.biases.append(nn.Parameter(torch.empty(channels, outputs, 1).uniform_(-0.5, 0.5)))
            if i < len(filters):
                self.factors.append(nn.Parameter(torch.zeros(channels, outputs, 1)))

    @property
    def medians(self) -> Tensor:
        """(channels, 1, 1): what stands for 0 in each channel."""
        if hasattr(self, "quantiles"):
            return self.quantiles[:, :, 1:2]
        return torch.zeros_like(self.matrices[0][:, :1, :1])

    def _logits(self, values: Tensor) -> Tensor:
        """Logit of the cumulative density at `values`, (channels, 1, n)."""
        logits = values
        for i, (matrix, bias) in enumerate(zip(self.matrices, self.biases, strict=True)):
            logits = F.softplus(matrix) @ logits + bias
            if i < len(self.factors):
                logits = logits + torch.tanh(self.factors[i]) * torch.tanh(logits)
        return logits

    def likelihood(self, z: Tensor) -> Tensor:
        """Probability of what rounds to `z`, (B, channels, H, W) in and out."""
        values = z.transpose(0, 1).reshape(self.channels, 1, -1)
        lower, upper = self._logits(values - 0.5), self._logits(values + 0.5)
        sign = -torch.sign(lower + upper).detach()
        probability = (torch.sigmoid(sign * upper) - torch.sigmoid(sign * lower)).abs()
        shaped = probability.reshape(self.channels, z.shape[0], *z.shape[2:]).transpose(0, 1)
        return lower_bound(shaped, LIKELIHOOD_FLOOR)
