"""The order of the symbols. Sections: Payload, Lattices, Digest, Rounding."""

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from independent.coder import Table, call
from independent.header import Damaged
from independent.index_model import PLACES, IndexModel

SCALE_MIN, SCALE_MAX, LEVELS = 0.11, 64, 64
PATTERNS = [(left, corner, above) for left in (0, 1) for corner in (0, 1) for above in (0, 1)]


@dataclass(frozen=True)
class Symbols:
    """All that a payload says. An index that was not sent is -1."""

    boosts: np.ndarray
    z: np.ndarray
    residuals: np.ndarray
    latents: np.ndarray
    indices: np.ndarray
    digest: str


def phase_of(row, column, phases):
    """The paragraph "Phases"."""
    u, v, k = row, column + 1, 0
    while (u + v) % 2 == 0 and k < phases - 1:
        u, v, k = (u + v) // 2, (u - v) // 2, k + 1
    return phases - 1 - k


def level_of(row, column):
    """Section "Lattices": the level of an index."""
    if row % 4 == column % 4 == 0:
        return 0
    if row % 4 == column % 4 == 2:
        return 1
    if row % 2 == column % 2 == 0:
        return 2
    return 3 if (row + column) % 2 == 0 else 4


def plane(function, height, width, *more):
    """A function of row and column at each cell."""
    cells = [[function(row, column, *more) for column in range(width)] for row in range(height)]
    return np.array(cells, np.int64).reshape(height, width)


def rounded_means(means, offset):
    """Section "Rounding"."""
    return np.floor(16 * means + 0.5 + offset / 32) / 16


def levels(scales, offset):
    """Section "Rounding": the numbers of the residuals' tables."""
    step = math.log(SCALE_MAX / SCALE_MIN) / (LEVELS - 1)
    logarithm = np.log(np.clip(scales, SCALE_MIN, SCALE_MAX) / SCALE_MIN)
    return np.clip(np.floor(logarithm / step + 0.5 + offset / 32), 0, LEVELS - 1).astype(np.int64)


def counted_flag(read, n):
    """Section "Counted flags": a flag, of which n have been 0 and 1; counts it."""
    ones = min(max(65536 * n[1] // sum(n), 1), 65535)
    symbol = read([Table.of_frequencies(0, [65536 - ones, ones])], [0])[0]
    n[symbol] += 2
    return symbol


def passes(mode, shape, flag):
    """Where the indices of each pass lie, one after the other; `flag` gives the next flag."""
    if mode < 6:
        levels = plane(level_of, *shape)
        yield from (levels == level for level in range(mode))
        return
    rows, columns = np.indices(shape)
    busy = np.ones((-(-shape[0] // 2), -(-shape[1] // 2)), bool)
    for place, (row, column) in enumerate(PLACES):
        here = (rows % 2 == row) & (columns % 2 == column)
        if mode == 6:
            here[here] = [flag() for _ in range(here.sum())]
        yield here & busy[rows // 2, columns // 2]
        if mode == 7 and place == 0:
            busy = np.array([flag() for _ in range(busy.size)], bool).reshape(busy.shape)


def read_boosts(read, h, w):
    """Section "Boosts"; `read` gives the symbols of a call."""
    uniform = [Table.uniform(16)]
    boosts, inside = np.zeros((h, w), np.int64), np.ones((h, w), np.int64)
    for _ in range(1 + read(uniform, [0])[0]):
        rise = 1 + read(uniform, [0])[0]
        n = {pattern: [1, 8] if pattern[0] + pattern[2] > pattern[1] else [8, 1] for pattern in PATTERNS}
        plane = np.zeros((h + 1, w + 1), np.int64)  # with a row above and a column to the left
        for row, column in zip(*inside.nonzero(), strict=True):
            seen = n[plane[row + 1, column], plane[row, column], plane[row, column + 1]]
            plane[row + 1, column + 1] = counted_flag(read, seen)
        inside = plane[1:, 1:]
        boosts += rise * inside
    if boosts.max() > 16:
        raise Damaged("a boost above 16")
    return boosts


def read_payload(header, coder, weights, context):
    """Section "Payload", with the digest of section "Digest".

    `context(z, latents, phases, slice, phase)` gives means and scales, two arrays (channels of the slice, h,
    w), and `context.finish(latents)` y_hat.
    """
    h, w = -(-header.height // 32), -(-header.width // 32)
    digest = hashlib.sha256()

    def read(tables, numbers):
        values = np.array(call(coder, tables, numbers), np.int64)
        digest.update(values.astype("<i4").tobytes())
        return values

    boosts = read_boosts(read, h, w) if header.boosted else np.zeros((h, w), np.int64)
    channels, cells = weights.hyper_channels, (-(-h // 4), -(-w // 4))
    numbers = np.repeat(np.arange(channels), math.prod(cells)).tolist()
    z = read(weights.tables("hyper"), numbers).reshape(channels, *cells)

    tables = weights.tables("latent")
    phases = plane(phase_of, h, w, weights.phases)
    residuals = np.zeros((weights.latents, h, w), np.int64)
    latents = np.zeros((weights.latents, h, w))
    start = 0
    for i, width in enumerate(weights.slices):
        for p in range(weights.phases):
            means, scales = context(z, latents, phases, i, p)
            there = np.zeros(latents.shape, bool)
            there[start : start + width] = phases == p
            numbers = levels(scales[:, phases == p], header.rounding).ravel().tolist()
            residuals[there] = read(tables, numbers)
            rounded = rounded_means(means[:, phases == p], header.rounding).ravel()
            latents[there] = rounded + residuals[there]
        start += width

    table = weights.tables("index")[0]
    if header.raw:
        table = Table.uniform(len(table.lefts) - 1)
    table.lost = -1
    shape = -(-header.height // 16), -(-header.width // 16)
    indices, n = np.full(shape, -1, np.int64), [6, 1]
    modelled = header.mode and weights.index_depth is not None and not header.raw
    model = IndexModel(weights, header, boosts, context.finish(latents)) if modelled else None
    for there in passes(header.mode, shape, lambda: counted_flag(read, n)):
        if model is None:
            indices[there] = read([table], [0] * np.count_nonzero(there))
            continue
        for place, (row, column) in enumerate(PLACES):
            own = there.copy()
            own[1 - row :: 2], own[:, 1 - column :: 2] = False, False
            rows, columns = own.nonzero()
            tables = model.tables(indices, place, (rows // 2, columns // 2))
            indices[own] = read(tables, list(range(len(tables))))
    return Symbols(boosts, z, residuals, latents, indices, digest.hexdigest())
