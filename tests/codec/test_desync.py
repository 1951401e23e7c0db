"""Another machine's float64 must not change a symbol: the guard band at work, and what happens without it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support import DISAGREEMENT, another_machine, synthetic_picture

from ulbic.bitstream.symbols import SymbolReader, SymbolWriter
from ulbic.codec.exactness import GUARD, ExactRounding, NearBoundaryError
from ulbic.codec.images import to_tensor
from ulbic.codec.latents import decode_latents, encode_latents


@pytest.fixture(scope="module")
def latents(bundle):
    with torch.no_grad():
        analysed = bundle.networks.analyse(to_tensor(synthetic_picture(128, 128), 32))
        return bundle.networks.hyper_analyse(analysed, torch.tensor([7.0]))


def encoded(bundle, latents, rounding):
    writer = SymbolWriter()
    with torch.no_grad():
        encode_latents(writer, bundle.networks, bundle.tables, *latents, rounding)
    return writer.finish(), writer.digest.hexdigest()


def decoded(bundle, payload, rounding):
    reader = SymbolReader(payload)
    with torch.no_grad():
        decode_latents(reader, bundle.networks, bundle.tables, (4, 4), rounding)
    return reader.digest.hexdigest()


def test_no_symbol_changes_on_a_thousand_other_machines(bundle, latents):
    payload, digest = encoded(bundle, latents, ExactRounding(0, GUARD))
    for trial in range(1000):
        with another_machine(bundle.networks, DISAGREEMENT, trial):
            assert decoded(bundle, payload, ExactRounding(0)) == digest


class Unlucky(ExactRounding):
    """Boundaries moved so that the mean furthest from zero lies almost on one."""

    def __init__(self, value, guard=0.0):
        super().__init__(0, guard)
        self._shift = float(np.ceil(value) - value - 0.5 + GUARD / 1000)


class Recorder(ExactRounding):
    """Keeps all values that are rounded."""

    def __init__(self):
        super().__init__(0)
        self.values = []

    def __call__(self, values):
        self.values.append(values)
        return super().__call__(values)


@pytest.fixture(scope="module")
def unlucky_value(bundle, latents):
    recorder = Recorder()
    encoded(bundle, latents, recorder)
    means = torch.cat([values.flatten() for values in recorder.values[0:2]])
    return float(means[means.abs().argmax()])


def test_without_the_guard_a_disagreement_of_its_size_does_change_symbols(bundle, latents, unlucky_value):
    payload, digest = encoded(bundle, latents, Unlucky(unlucky_value))
    changed = 0
    for trial in range(50):
        with another_machine(bundle.networks, 10 * DISAGREEMENT, trial):
            changed += decoded(bundle, payload, Unlucky(unlucky_value)) != digest
    assert changed > 5


def test_the_guard_refuses_just_that_case(bundle, latents, unlucky_value):
    with pytest.raises(NearBoundaryError):
        encoded(bundle, latents, Unlucky(unlucky_value, GUARD))
