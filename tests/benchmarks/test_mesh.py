import numpy as np
import pytest
from PIL import Image
from support import SHARED, needs_shared, synthetic_picture

from ulbic.benchmarks import mesh
from ulbic.benchmarks.metrics import measure, metric_table, picture_values
from ulbic.benchmarks.records import Record, curves

MESH = next(metric for metric in metric_table() if metric.key == "mesh")


def picture(luma):
    return Image.fromarray(luma.round().clip(0, 255).astype(np.uint8)).convert("RGB")


def calm(seed, size=(256, 256)):
    """A grey wall with noise of one level."""
    return 128 + np.random.default_rng(seed).normal(0, 1, size)


def wave(period, rows, columns, size=(256, 256)):
    """Amplitude 1 in both or one of the directions."""
    y, x = np.indices(size)
    return np.cos(2 * np.pi * (rows * y + columns * x) / period)


def value(*pairs):
    return MESH.value([mesh.spectra(*map(picture, pair)) for pair in pairs])


def test_equal_pictures_have_none():
    assert value((calm(0), calm(0))) == 0


@pytest.mark.parametrize(("rows", "columns"), [(0, 1), (1, 0), (1, 1), (1, -1)])
@pytest.mark.parametrize("period", [4, 8])
def test_a_mesh_stands_above_the_noise_as_far_as_theory_says(period, rows, columns):
    # Power in its bin: (sum of window)^2 / 4 against the noise's (1 + 1/12) (sum of window^2): 20.0 dB.
    assert value((calm(0), calm(1) + wave(period, rows, columns))) == pytest.approx(20.0, abs=1.5)


def test_period_two_is_seen_and_what_the_original_has_too_is_not_a_fault():
    meshed = calm(1) + wave(2, 0, 1)
    assert value((calm(0), meshed)) > 20
    assert value((meshed, calm(0) + wave(2, 0, 1))) < 2


def test_busy_parts_hide_a_mesh_and_are_left_out():
    busy = calm(0) + np.random.default_rng(2).normal(0, 12, (256, 256))
    sums = mesh.spectra(picture(busy), picture(busy + 3 * wave(4, 0, 1)))
    assert sums[0] == 0
    assert MESH.value([sums]) is None
    half = np.where(np.arange(256) < 128, calm(0), busy)
    assert value((half, half + wave(4, 0, 1))) > 15


def test_only_wholly_calm_blocks_count():
    spotted = calm(0, (32, 64))
    spotted[:, 40:] += np.random.default_rng(2).normal(0, 30, (32, 24))
    assert mesh.spectra(picture(calm(0, (32, 64))), picture(spotted))[0] == 3
    assert mesh.spectra(picture(spotted), picture(spotted))[0] < 3


def test_it_is_a_measure_of_the_set_and_no_mean_over_pictures():
    clean, meshed = (calm(0), calm(1)), (calm(2), calm(3) + wave(4, 0, 1))
    both = [value(clean), value(meshed)]
    assert value(clean, meshed) == pytest.approx(both[1] - 3, abs=1)  # half of the power
    assert value(clean, meshed) > sum(both) / 2 + 3
    assert value(clean, meshed) == value(meshed, clean)


def test_a_curve_pools_what_the_records_hold_and_a_busy_picture_changes_nothing():
    busy = np.asarray(synthetic_picture(256, 256, seed=1).convert("L"), float)
    busy = busy + np.random.default_rng(2).normal(0, 20, busy.shape)
    pairs = [(calm(0), calm(1)), (calm(2), calm(3) + wave(4, 0, 1)), (busy, busy)]
    records = [
        Record(str(i), "codec", 1, 10, 0.1, 1.0, 1.0, None, measure(*map(picture, pair), [MESH]))
        for i, pair in enumerate(pairs)
    ]
    (curve,) = curves(records, {"codec": "Codec"}, [MESH])
    assert curve.columns["mesh"] == (value(*pairs[:2]),)
    assert [picture_values(r.metrics, [MESH])["mesh"] for r in records] == [
        value(pairs[0]),
        value(pairs[1]),
        None,
    ]


def test_pictures_smaller_than_a_block_have_none():
    small = picture(calm(0, (31, 200)))
    assert measure(small, small, [MESH]) == {"mesh": None}


@needs_shared
def test_strong_blocking_of_photographs_is_a_mesh():
    import io

    original = Image.open(SHARED / "data/eval/kodak/kodim23.png").convert("RGB")
    buffer = io.BytesIO()
    original.save(buffer, "JPEG", quality=5)
    jpeg = Image.open(buffer)
    assert MESH.value([mesh.spectra(original, jpeg)]) > 5
    assert mesh.spectra(original, original)[0] == 334
