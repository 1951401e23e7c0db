"""The document docs/format.md suffices: a reader written from it alone reads the golden files."""

import random

import numpy as np
import pytest
import torch
from independent.cases import NAMES, PIXEL, START, TAG, facts_of, golden, sealed, weights
from independent.coder import CutDecoder, Decoder, Encoder, Table
from independent.context import Context
from independent.header import Damaged, read_header
from independent.reader import read, read_cut
from independent.symbols import level_of, levels, phase_of, plane, read_payload, rounded_means
from independent.weights import Weights
from support import synthetic_picture, toy_config

from ulbic.codec.bundle import load_bundle
from ulbic.codec.encoder import analyse_picture, encode_features
from ulbic.codec.profiles import RatePoint
from ulbic.codec.tables import export_tables
from ulbic.models.checkpoint import save_checkpoint
from ulbic.models.model import UlbicModel
from ulbic.models.ranking import Ranking, RankingConfig


class Log:
    """A coder that remembers its values, and a decoder's D and R before each."""

    def __init__(self, coder):
        self.coder, self.values, self.states = coder, [], []

    def symbol(self, table):
        if isinstance(self.coder, Decoder):
            self.states.append(f"{self.coder.d:016x} {self.coder.r:016x}")
        self.values.append(self.coder.symbol(table))
        return self.values[-1]


def logged(data):
    header = read_header(data)
    log = Log(Decoder(header.payload))
    return log, read_payload(header, log, weights(), Context(weights()))


@pytest.mark.parametrize("name", NAMES)
def test_symbols_of_a_golden_file(name):
    symbols, _ = read(golden(name), weights())
    assert symbols.digest == facts_of(name)["symbols"]


@pytest.mark.parametrize("name", NAMES)
def test_the_payload_is_a_shortest_that_says_the_symbols(name):
    data = golden(name)
    log, symbols = logged(data)
    values = iter(log.values)
    encoder = Encoder(lambda table: next(values))
    header = read_header(data)
    assert read_payload(header, encoder, weights(), Context(weights())).digest == symbols.digest
    assert encoder.accepts(header.payload)
    assert len(encoder.payload()) == len(header.payload)


@pytest.mark.parametrize("name", NAMES)
def test_no_value_lies_within_the_guard(name):
    step = np.log(64 / 0.11) / 63

    class Watched(Context):
        def __call__(self, z, latents, phases, i, p):
            means, scales = super().__call__(z, latents, phases, i, p)
            if (phases == p).any():
                for values in (16 * means, np.log(np.clip(scales, 0.11, 64) / 0.11) / step):
                    values = values[:, phases == p] + 0.5
                    assert np.abs(values - np.rint(values)).min() > 0.9e-8
            return means, scales

    header = read_header(golden(name))
    assert header.rounding == 0
    read_payload(header, Decoder(header.payload), weights(), Watched(weights()))


def test_the_worked_file():
    log, symbols = logged(PIXEL)
    table = weights().tables("hyper")[0]
    assert table.lowest == -5
    assert table.lefts[:6] == [0, 256, 513, 1282, 11011, 673540]
    assert table.lefts[6:10] == [16380412, 16768765, 16776190, 16776959]
    assert {at: log.states[at] for at in (0, 1, 2, 47, 48, 55, 143)} == {
        0: "cae84b661afd2d66 ffffffffffffffff",
        1: "c0a147661b07746a efaaf7ffff105508",
        2: "bd6a588d9222e36d e579bf286a42e307",
        47: "00000008d13fe4cb 0000073527a961eb",
        48: "00000007b0dc2d56 0000003768a30527",
        55: "0006909e00000000 498cf22400000000",
        143: "0000d16e66b76800 003323de260ef041",
    }
    z, residuals = symbols.z.ravel(), symbols.residuals.ravel()
    assert np.flatnonzero(z == 1).tolist() == [10, 13, 26, 33, 34]
    assert np.flatnonzero(z == -1).tolist() == [17, 28, 39, 41, 47]
    assert np.count_nonzero(z) == 10
    assert {int(c): int(residuals[c]) for c in residuals.nonzero()[0]} == {0: -3, 1: 1, 4: -1}
    assert symbols.latents[:3].ravel().tolist() == [-2.75, 1, 0]
    assert symbols.digest == "e757cca7fe8e3c46e6d2a47f233d1896f878909d84e8aa9a41b9773ffd7f3d80"


def test_the_worked_network():
    seen = []

    class Watched(Context):
        def __call__(self, *place):
            seen.append(super().__call__(*place))
            return seen[-1]

    context, header = Watched(weights()), read_header(PIXEL)
    symbols = read_payload(header, Decoder(header.payload), weights(), context)
    means, scales = (values.ravel() for values in seen[2])
    np.testing.assert_allclose(means[:3], [0.2202, 0.0030, 0.0032], atol=5e-5)
    np.testing.assert_allclose(scales[:3], [0.9043, 0.4599, 0.3071], atol=5e-5)
    assert rounded_means(means[:3], 0).tolist() == [0.25, 0, 0]
    assert levels(scales, 0).tolist() == [21, 14, 10, 9, 10, 7, 7, 6]
    y_hat = context.finish(symbols.latents).ravel()
    expected = [-2.72912015, 0.94638751, 0.00404213, 0.00364573]
    np.testing.assert_allclose(y_hat[[0, 1, 2, 95]], expected, atol=5e-9)


def test_the_restored_latents_of_all_phases():
    _, y_hat = read(golden("64x64-q3"), weights())
    expected = [[-5.04630816, 0.19356195], [1.95948289, 0.16183155]]
    np.testing.assert_allclose(y_hat[0], expected, atol=5e-9)


def test_phases_and_lattice_levels():
    three = [[2, 0, 2, 0, 2, 0], [1, 2, 1, 2, 1, 2], [2, 0, 2, 0, 2, 0]]
    assert plane(phase_of, 3, 6, 3).tolist() == three
    assert plane(phase_of, 2, 4, 2).tolist() == [[1, 0, 1, 0], [0, 1, 0, 1]]
    four = [[0, 4, 2, 4], [4, 3, 4, 3], [2, 4, 1, 4], [4, 3, 4, 3]]
    assert plane(level_of, 4, 4).tolist() == four


def test_tables():
    assert Table.uniform(3).lefts == [0, 5592405, 11184810, 16777216]
    assert Table.of_frequencies(0, [1, 65535]).lefts == [0, 256, 16777216]


@pytest.mark.parametrize(
    ("first", "mode", "raw", "rounding"),
    [
        ("00", 0, 0, 15),
        ("19", 1, 1, 1),
        ("38", 3, 1, 7),
        ("57", 5, 0, 8),
        ("600680", 6, 0, 2),
        ("680780", 7, 1, 3),
    ],
)
def test_what_the_writer_of_the_document_writes(first, mode, raw, rounding):
    start = f"d9551{rounding:x}1{TAG}{first}c6018e01"  # 199 x 143 pixels
    header = read_header(sealed(start))
    assert (header.mode, header.raw, header.rounding) == (mode, raw, rounding)
    assert (header.width, header.height) == (199, 143)
    dice = random.Random(rounding)
    encoder = Encoder(lambda table: table.lowest + dice.randrange(len(table.lefts) - 1))
    written = read_payload(header, encoder, weights(), Context(weights()))
    symbols, _ = read(sealed(start, encoder.payload().hex()), weights())
    assert symbols.digest == written.digest
    assert np.array_equal(symbols.indices, written.indices)
    assert np.count_nonzero(symbols.indices >= 0) == {0: 0, 1: 12, 3: 35, 5: 117, 6: 67, 7: 78}[mode]


def test_boosts():
    symbols, _ = read(golden("96x80-regions"), weights())
    assert symbols.boosts.tolist() == [[0, 0, 12], [4, 4, 12], [4, 4, 0]]


def test_a_boost_above_16_is_damage():
    dice = iter([1, 15, 1, 0, 1])  # two planes of one cell, one of 16 and one of 1
    encoder, start = Encoder(lambda table: next(dice)), f"{START}80000080"
    with pytest.raises(Damaged):
        read_payload(read_header(sealed(start)), encoder, weights(), Context(weights()))
    with pytest.raises(Damaged):
        read(sealed(start, encoder.payload().hex()), weights())
    assert encoder.payload().hex() == "1fe524"


def test_a_cut_file_gives_a_prefix():
    data = golden("64x64-q3")
    log, _ = logged(data)
    counts = []
    for size in range(10, len(data) - 2, 3):
        header = read_header(data[:size], cut=True)
        coder = CutDecoder(header.payload)
        cut = Log(coder)
        read_payload(header, cut, weights(), Context(weights()))
        assert len(cut.values) == len(log.values)
        assert cut.values[: coder.count] == log.values[: coder.count]
        counts.append(coder.count)
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (7, 374)


def test_extras_of_a_cut_file_do_not_take_its_last_symbols():
    data = golden("64x64-q3")
    payload = data[8:-2].hex()
    parts = data[:5].hex() + f"{data[5] | 128:02x}" + data[6:8].hex() + f"41{len(payload) // 2:02x}" + payload
    whole, _ = read(data, weights())
    symbols, count = read_cut(bytes.fromhex(parts + "01"), weights())
    assert (symbols.digest, count) == (whole.digest, whole.z.size + whole.residuals.size)


def test_indices_of_a_cut_file():
    data = golden("200x136-1_1")
    whole, _ = read(data, weights())
    symbols, count = read_cut(data[:-12], weights())
    there = symbols.indices >= 0
    assert np.array_equal(symbols.residuals, whole.residuals)
    assert 0 < np.count_nonzero(there) < 13 * 9
    assert np.count_nonzero(there) == count - whole.z.size - whole.residuals.size
    assert np.array_equal(symbols.indices[there], whole.indices[there])


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """Untrained weights with an index model, as a file's bytes and as a bundle."""
    torch.manual_seed(0)
    model = UlbicModel(toy_config())
    with torch.no_grad():
        for layer in (model.index_model.output, model.index_model.known):
            layer.weight.mul_(4)
    path = tmp_path_factory.mktemp("toy") / "toy.safetensors"
    save_checkpoint(path, model, export_tables(model))
    bundle = load_bundle(None, "cpu", path)
    ranking = Ranking(RankingConfig()).requires_grad_(False)
    bundle.networks._ranking = lambda: ranking
    return Weights(path.read_bytes()), bundle


@pytest.mark.parametrize("mode", ["1_8", "1_1", "masked", "dual"])
@pytest.mark.parametrize("boosted", [False, True])
def test_indices_under_an_index_model(toy, mode, boosted):
    own, bundle = toy
    boosts = np.array([[0, 3, 0], [5, 0, 0]]) if boosted else None
    features = analyse_picture(bundle, synthetic_picture(90, 50), boosts=boosts)
    encoded = encode_features(bundle, features, RatePoint(2.5, mode))
    assert not encoded.header.raw_indices
    symbols, _ = read(encoded.data, own)
    assert symbols.digest == encoded.digest
    assert (symbols.indices >= 0).sum() == {"1_8": 3, "1_1": 24, "masked": 3, "dual": 9}[mode]
    cut, _ = read_cut(encoded.data[:-12], own)
    known = cut.indices >= 0
    assert np.array_equal(cut.indices[known], symbols.indices[known])
