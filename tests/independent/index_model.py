"""Probabilities of indices, in float64 and then in integers. Section: Index model."""

import math

import numpy as np
from independent.coder import Table
from independent.context import conv, gelu

PLACES = [(0, 0), (1, 1), (0, 1), (1, 0)]
EXPONENTIAL = [round(65536 * math.exp(-i / 16)) for i in range(192)]


def frequencies(logits):
    """The last block of formulas."""
    below = (max(logits) - logits) // 256
    w = [EXPONENTIAL[d] if d < 192 else 0 for d in below.tolist()]
    n, total = len(w), sum(w)
    f = [1 + value * (65536 - n) // total for value in w]
    f[int(np.argmax(logits))] += 65536 - sum(f)
    return f


class IndexModel:
    """The tables of one picture's indices."""

    def __init__(self, weights, header, boosts, y_hat):
        self.weights, self.offset = weights, header.rounding
        last = weights.gains - 1
        gains = np.minimum(float(header.gain) + boosts / 2, last)
        x = np.concatenate([y_hat * self._vectors(gains), (gains / max(last, 1))[None]])
        x = gelu(self._conv(x, "stem"))
        for i in range(weights.index_depth):
            x = x + gelu(self._conv(x, f"trunk.{i}"))
        self.features = x

    def _vectors(self, gains):
        """The vectors of the cells' gains, section "Pixels"."""
        if self.weights.gains == 1:
            return 1
        rows = self.weights["continuous.log_inverse_gain"].astype(np.float64)
        below = np.clip(np.floor(gains), 0, len(rows) - 2).astype(np.int64)
        share = (gains - below)[..., None]
        return np.exp(rows[below] + share * (rows[below + 1] - rows[below])).transpose(2, 0, 1)

    def _conv(self, x, name):
        return conv(self.weights, x, f"index_model.{name}")

    def tables(self, indices, place, cells):
        """The tables of the indices at a place of cells (rows, columns); `indices` is -1 where not known."""
        weights, (h, w) = self.weights, self.features.shape[1:]
        whole = np.full((2 * h, 2 * w), -1)
        whole[: indices.shape[0], : indices.shape[1]] = indices
        marks = (whole >= 0).astype(np.float64)
        embedding = weights["index_model.embedding.weight"].astype(np.float64)
        k = np.concatenate([embedding[whole].transpose(2, 0, 1) * marks, marks[None]])
        k = k.reshape(len(k), h, 2, w, 2).transpose(0, 2, 4, 1, 3).reshape(-1, h, w)
        u = gelu(self.features + self._conv(k, "known"))
        v = self._conv(gelu(self._conv(u, f"heads.{place}.0")), f"heads.{place}.2")
        v = 8 * np.tanh(v / 8)
        q = np.floor(16 * v[:, cells[0], cells[1]] + 0.5 + self.offset / 32).astype(np.int64)
        weight, bias = (weights[f"index_model.output.{part}"] for part in ("weight", "bias"))
        weight, bias = (np.rint(n * x.astype(float)).astype(int) for n, x in ((256, weight), (4096, bias)))
        logits = weight @ q + bias[:, None]
        tables = [Table.of_frequencies(0, frequencies(row)) for row in logits.T]
        for table in tables:
            table.lost = -1
        return tables
