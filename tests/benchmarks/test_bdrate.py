import pytest

from ulbic.benchmarks.bdrate import bd_rate

# The worked example that the `bjontegaard` package documents, from a video test (kbit/s, dB).
ANCHOR = [(9487.76, 40.037), (4593.60, 38.615), (2486.44, 36.845), (1358.24, 34.851)]
TEST = [(9787.80, 40.121), (4469.00, 38.651), (2451.52, 36.970), (1356.24, 34.987)]


def moved(points, factor=1.0):
    return [(rate * factor, value) for rate, value in points]


def test_the_same_curve_costs_nothing():
    assert bd_rate(ANCHOR, ANCHOR) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("factor", [0.25, 0.9, 3.0])
def test_a_curve_moved_along_the_rate_axis_costs_that_factor(factor):
    assert bd_rate(ANCHOR, moved(ANCHOR, factor)) == pytest.approx(100 * (factor - 1))


def test_a_metric_that_falls_is_turned_over():
    falling = [(rate, -value) for rate, value in ANCHOR]
    cheaper = [(rate, -value) for rate, value in moved(ANCHOR, 0.5)]
    assert bd_rate(falling, cheaper, lower_is_better=True) == pytest.approx(-50)


def test_only_the_common_range_counts():
    # Twice the rate up to 3, more beyond, where the anchor has nothing.
    anchor = [(1.0, 1.0), (2.0, 2.0), (4.0, 3.0)]
    test = [(2.0, 1.0), (4.0, 2.0), (8.0, 3.0), (1000.0, 4.0)]
    assert bd_rate(anchor, test) == pytest.approx(100, abs=25)  # the interpolation near 3 looks ahead
    assert bd_rate(anchor, test[:3]) == pytest.approx(100)


def test_without_a_common_range_there_is_no_number():
    assert bd_rate([(1, 10), (2, 20)], [(1, 30), (2, 40)]) is None
    assert bd_rate([(1, 10)], [(1, 10), (2, 40)]) is None
    assert bd_rate([], ANCHOR) is None


def test_points_that_a_cheaper_one_beats_are_passed_over():
    assert bd_rate(ANCHOR, [*ANCHOR, (5000.0, 20.0)]) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("first", "second"), [(ANCHOR, TEST), (TEST, ANCHOR), (ANCHOR, moved(TEST, 0.7)[1:])]
)
def test_agrees_with_the_bjontegaard_package(first, second):
    bjontegaard = pytest.importorskip("bjontegaard")
    columns = [list(column) for curve in (first, second) for column in zip(*sorted(curve), strict=True)]
    expected = bjontegaard.bd_rate(*columns, method="pchip", require_matching_points=False, min_overlap=0)
    assert bd_rate(first, second) == pytest.approx(expected, abs=0.1)
