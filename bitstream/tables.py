"""Integer frequency tables: the only probabilities that the entropy coder ever sees."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

PRECISION = 16  # frequencies of a table add up to 2^16
TOTAL = 1 << PRECISION


@dataclass(frozen=True)
class FrequencyTables:
    """A family of tables; number i gives `frequencies[i]` to the symbols from `lowest[i]` upwards."""

    lowest: tuple[int, ...]
    frequencies: tuple[np.ndarray, ...]  # int32 each, all positive, TOTAL together

    def size(self, index: int) -> int:
        """How many symbols table `index` has."""
        return len(self.frequencies[index])

    def highest(self, index: int) -> int:
        """The largest symbol of table `index`."""
        return self.lowest[index] + len(self.frequencies[index]) - 1

    def likeliest(self, index: int) -> int:
        """The most probable symbol of table `index`."""
        return self.lowest[index] + int(np.argmax(self.frequencies[index]))

    def clamp(self, symbols: np.ndarray, indices: np.ndarray) -> np.ndarray:
        """Symbols moved into the range of their tables; the coder has no escape."""
        low = np.array(self.lowest)[indices]
        high = np.array([self.highest(i) for i in range(len(self.lowest))])[indices]
        return np.clip(symbols, low, high)

    def cost(self, symbols: np.ndarray, indices: np.ndarray) -> float:
        """Ideal bits, sum of -log2 p, of `symbols` under the tables `indices`."""
        bits = 0.0
        for i in np.unique(indices):
            chosen = symbols[indices == i] - self.lowest[i]
            bits += float(np.sum(PRECISION - np.log2(self.frequencies[i][chosen])))
        return bits

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Flat int32 arrays, the form kept in weight files."""
        return {
            "lowest": np.array(self.lowest, np.int32),
            "lengths": np.array([len(f) for f in self.frequencies], np.int32),
            "frequencies": np.concatenate(self.frequencies).astype(np.int32),
        }

    @classmethod
    def from_arrays(cls, lowest: np.ndarray, lengths: np.ndarray, frequencies: np.ndarray) -> FrequencyTables:
        """The inverse of `to_arrays`."""
        parts = np.split(frequencies, np.cumsum(lengths)[:-1])
        return cls(tuple(int(x) for x in lowest), tuple(parts))


LOGIT_STEPS = 4096  # of the logits of `softmax_frequencies`, in a nat
_EXPONENT_STEPS = 16  # of its exponential
_EXPONENTIAL = np.array([round(TOTAL * math.exp(-i / _EXPONENT_STEPS)) for i in range(12 * _EXPONENT_STEPS)])


def softmax_frequencies(logits: np.ndarray) -> np.ndarray:
    """Frequencies (n, symbols) int64, each row positive and TOTAL together, in integer arithmetic alone.

    Args:
        logits: (n, symbols) int64, in steps of 1/4096 nat.
    """
    below = (logits.max(axis=1, keepdims=True) - logits) // (LOGIT_STEPS // _EXPONENT_STEPS)
    weights = np.where(below < len(_EXPONENTIAL), _EXPONENTIAL[np.minimum(below, len(_EXPONENTIAL) - 1)], 0)
    spare = TOTAL - logits.shape[1]
    frequencies = 1 + weights * spare // weights.sum(axis=1, keepdims=True)
    frequencies[np.arange(len(logits)), logits.argmax(axis=1)] += TOTAL - frequencies.sum(axis=1)
    return frequencies


def integer_frequencies(probabilities: np.ndarray) -> np.ndarray:
    """Positive int32 frequencies that add up to TOTAL, as near to `probabilities` as rounding allows.

    Run once, when tables are exported; what is left over goes to the most probable symbol.
    """
    spare = TOTAL - len(probabilities)
    frequencies = 1 + np.floor(probabilities / probabilities.sum() * spare).astype(np.int64)
    frequencies[np.argmax(probabilities)] += TOTAL - frequencies.sum()
    return frequencies.astype(np.int32)
