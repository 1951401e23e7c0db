"""Indices under probabilities of their own: encoder and decoder agree, on every machine and behind a cut."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support import DISAGREEMENT, another_machine, toy_config

from ulbic.bitstream import tables
from ulbic.bitstream.symbols import PartialReader, SymbolReader, SymbolWriter
from ulbic.codec.bundle import make_bundle
from ulbic.codec.exactness import GUARD, ExactRounding
from ulbic.codec.index_coding import decode_indices, encode_indices
from ulbic.codec.index_mode import IndexContext, ReceivedIndices
from ulbic.codec.index_modes import INDEX_MODES
from ulbic.codec.profiles import TINY
from ulbic.codec.tables import export_tables
from ulbic.models import index_model
from ulbic.models.model import UlbicModel

SIZE = (7, 9)  # indices: cells at the right and below are not whole
MODES = {  # and how many indices of SIZE each sends
    "0": 0,
    "1_16": 6,
    "1_8": 10,
    "1_4": 20,
    "1_2": 32,
    "1_1": 63,
    "masked": 8,
    "dual": 29,
}


def louder(layer):
    if hasattr(layer, "weight"):
        layer.weight.mul_(4)


@pytest.fixture(scope="module")
def toy():
    torch.manual_seed(3)
    model = UlbicModel(toy_config()).eval().requires_grad_(False)
    with torch.no_grad():
        for layer in (model.index_model.output, model.index_model.known, model.index_model.heads):
            layer.apply(louder)  # untrained, it would know next to nothing
    return make_bundle(model, export_tables(model), TINY)


@pytest.fixture(scope="module")
def indices():
    return np.random.default_rng(0).integers(0, 64, SIZE)


def context(bundle, rounding, gains=(2.0,), raw=False):
    y_hat = torch.randn(1, 16, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 3
    return IndexContext(
        y_hat=y_hat,
        gains=torch.tensor(gains),
        networks=bundle.networks,
        rounding=rounding,
        table=bundle.tables.index,
        raw=raw,
    )


def sent_of(indices, mode):
    """What the mode sends of an index map whose indices are worth what chance says."""
    worth = np.random.default_rng(1).random(SIZE)
    return ReceivedIndices(indices, INDEX_MODES.named(mode).choose(SIZE, lambda: worth))


def written(bundle, indices, mode, **more):
    writer, sent = SymbolWriter(), sent_of(indices, mode)
    with torch.no_grad():
        INDEX_MODES.named(mode).encode(writer, sent, context(bundle, ExactRounding(0, GUARD), **more))
    return writer


def read(bundle, data, mode, reader=SymbolReader, **more):
    with torch.no_grad():
        return INDEX_MODES.named(mode).decode(reader(data), SIZE, context(bundle, ExactRounding(0), **more))


@pytest.mark.parametrize(("mode", "count"), MODES.items())
@pytest.mark.parametrize("raw", [False, True])
def test_what_is_written_is_read(toy, indices, mode, count, raw):
    data = written(toy, indices, mode, raw=raw).finish()
    back = read(toy, data, mode, raw=raw)
    sent = sent_of(indices, mode).received
    assert sent.sum() == count
    assert np.array_equal(back.received, sent)
    assert np.array_equal(back.indices, np.where(sent, indices, 0))


def test_gains_of_single_cells_are_followed(toy, indices):
    gains = np.linspace(0, 11, 20).reshape(1, 4, 5).tolist()
    data = written(toy, indices, "1_1", gains=gains).finish()
    assert np.array_equal(read(toy, data, "1_1", gains=gains).indices, indices)
    assert written(toy, indices, "1_1").finish() != data


class Expecting:
    """A reader of the most probable symbols."""

    def __init__(self, data):
        pass

    def read_each(self, frequencies):
        return frequencies.argmax(axis=1)


def test_indices_that_the_model_expects_are_cheap(toy):
    expected = read(toy, b"", "1_1", Expecting).indices
    likely, unlikely = (written(toy, i, "1_1").ideal_bits for i in (expected, (expected + 31) % 64))
    raw = expected.size * 6
    assert likely < raw < unlikely


class Frequencies:
    """A writer that only keeps what every symbol is coded under."""

    def __init__(self):
        self.rows = []

    def write_each(self, symbols, frequencies):
        self.rows += frequencies.tolist()


def frequencies(bundle, indices, mode):
    kept = Frequencies()
    with torch.no_grad():
        INDEX_MODES.named(mode).encode(kept, sent_of(indices, mode), context(bundle, ExactRounding(0)))
    return kept.rows


def test_later_passes_depend_on_earlier_ones_and_no_index_on_its_own_pass(toy, indices):
    other = indices.copy()
    other[0, 0] = (other[0, 0] + 1) % 64
    for mode in ("1_16", "1_8", "1_1"):
        before, after = (frequencies(toy, i, mode) for i in (indices, other))
        assert before[:6] == after[:6]
        assert (before != after) == (mode != "1_16")


@pytest.mark.parametrize("mode", ["1_1", "masked", "dual"])
def test_a_cut_file_gives_the_first_indices_and_no_wrong_one(toy, indices, mode):
    data, sent = written(toy, indices, mode).finish(), sent_of(indices, mode).received
    counts = []
    for length in range(len(data) + 1):
        back = read(toy, data[:length], mode, PartialReader)
        received = back.received
        assert not (received & ~sent).any()
        assert np.array_equal(back.indices[received], indices[received])
        counts.append(int(received.sum()))
    assert counts == sorted(counts)
    assert counts[0] < 3
    assert counts[-1] >= sent.sum() - 2


@pytest.mark.parametrize("mode", ["1_1", "masked", "dual"])
def test_no_index_changes_on_two_hundred_other_machines(toy, indices, mode):
    data, sent = written(toy, indices, mode).finish(), sent_of(indices, mode).received
    for trial in range(200):
        with another_machine(toy.networks, DISAGREEMENT, trial):
            back = read(toy, data, mode)
        assert np.array_equal(back.received, sent)
        assert np.array_equal(back.indices, np.where(sent, indices, 0))


def test_logits_are_exact_integers(toy):
    model = toy.networks._index_model
    hidden = torch.randint(-128, 129, (50, 8), generator=torch.Generator().manual_seed(1))
    weight, bias = (256 * model.output.weight).round().long(), (4096 * model.output.bias).round().long()
    assert torch.equal(model.integer_logits(hidden), hidden @ weight.T + bias)


def test_the_index_model_counts_in_the_steps_that_the_coder_reads():
    assert index_model.LOGIT_STEPS == tables.LOGIT_STEPS == 4096


def test_passes_may_be_any_positions(toy, indices):
    """As an index mode that chooses them would have it."""
    passes = [np.array([40, 3, 17]), np.array([], np.int64), np.array([0, 62])]
    writer = SymbolWriter()
    with torch.no_grad():
        encode_indices(writer, indices, passes, context(toy, ExactRounding(0, GUARD)))
        reader = SymbolReader(writer.finish())
        back = decode_indices(reader, SIZE, passes, context(toy, ExactRounding(0)))
    assert np.flatnonzero(back.received).tolist() == [0, 3, 17, 40, 62]
    assert np.array_equal(back.indices.ravel()[[0, 3, 17, 40, 62]], indices.ravel()[[0, 3, 17, 40, 62]])
    assert reader.digest.hexdigest() == writer.digest.hexdigest()
