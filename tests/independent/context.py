"""Means and scales, in float64. Section: Context network, of the kind `convolution`."""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

_erf = np.vectorize(math.erf, otypes=[float])


def gelu(x):
    """The layer "gelu"."""
    return x / 2 * (1 + _erf(x / math.sqrt(2)))


def shuffle(x):
    """The layer "shuffle"."""
    channels, rows, columns = x.shape
    x = x.reshape(channels // 4, 2, 2, rows, columns)
    return x.transpose(0, 3, 1, 4, 2).reshape(channels // 4, 2 * rows, 2 * columns)


def conv(weights, x, name):
    """The layer "conv"; the whole name, without its last part."""
    weight, bias = (weights[f"{name}.{part}"].astype(np.float64) for part in ("weight", "bias"))
    k = weight.shape[2]
    windows = sliding_window_view(np.pad(x, ((0, 0), (k // 2,) * 2, (k // 2,) * 2)), (k, k), (1, 2))
    return np.tensordot(weight, windows, ([1, 2, 3], [0, 3, 4])) + bias[:, None, None]


class Context:
    """Answers `means_and_scales` of `read_symbols`. It is asked for all passes of one picture, in order."""

    def __init__(self, weights):
        if weights.context != "convolution":
            raise NotImplementedError(f"a context network of the kind {weights.context}")
        self.weights = weights
        self.ends = np.cumsum([0, *weights.slices])
        self.y_hat = None

    def _conv(self, x, name):
        return conv(self.weights, x, f"continuous.context.{name}")

    def _chain(self, x, *names):
        """conv > gelu > conv ... > conv."""
        for name in names[:-1]:
            x = gelu(self._conv(x, name))
        return self._conv(x, names[-1])

    def _hyper(self, z, size):
        """The first block of formulas."""
        quantiles = "continuous.prior.quantiles"
        if quantiles in self.weights:
            z = z + self.weights[quantiles][:, 0, 1].astype(np.float64)[:, None, None]
        x = gelu(self._conv(z, "h_s.0"))
        x = gelu(shuffle(self._conv(x, "h_s.2.0")))
        x = gelu(self._conv(x, "h_s.4"))
        x = gelu(shuffle(self._conv(x, "h_s.6.0")))
        return self._conv(x, "h_s.8")[:, : size[0], : size[1]]

    def _slice(self, latents, i):
        return latents[self.ends[i] : self.ends[i + 1]]

    def __call__(self, z, latents, phases, i, p):
        """The second block: means and scales of a slice's phase, in all cells.

        `latents` are those before correction, 0 where they are not decoded yet; `phases` says each cell's.
        """
        name = f"slices.{i}."
        if p == 0:
            if i == 0:
                self.hyper, self.decoded = self._hyper(z.astype(np.float64), phases.shape), latents[:0]
                self.features = self.hyper
            else:
                self._correct(latents, i - 1)
                channels = self._chain(self.decoded, name + "channel_context.0", name + "channel_context.2")
                self.features = np.concatenate([self.hyper, channels])
            x, kind = self.features, "anchor"
        else:
            local = self._slice(latents, i)
            if self.weights.phases > 2:
                local = np.concatenate([local, (phases < p)[None].astype(np.float64)])
            x = np.concatenate([self.features, self._conv(local, name + "local_context")])
            kind = "non_anchor"
        out = self._chain(x, *(f"{name}{kind}.{layer}" for layer in (0, 2, 4)))
        means, scales = np.split(out, 2)
        return means, np.exp(np.clip(scales, -4, 5))

    def _correct(self, latents, i):
        """The last lines of the second block: appends the corrected slice i."""
        name = f"slices.{i}.residual_prediction."
        current = self._slice(latents, i)
        x = np.concatenate([self.hyper[-self.weights.latents :], self.decoded, current])
        corrected = current + np.tanh(self._chain(x, name + "0", name + "2")) / 2
        self.decoded = np.concatenate([self.decoded, corrected])

    def finish(self, latents):
        """y_hat, once all passes were asked for."""
        if self.y_hat is None:
            self._correct(latents, len(self.weights.slices) - 1)
            self.y_hat = self.decoded
        return self.y_hat
