"""Rate-distortion curves as PNG and SVG."""

from __future__ import annotations

import io
from collections.abc import Sequence

from .metrics import Metric
from .records import Curve

# Okabe & Ito, "Color universal design", 2008, without yellow, and two dark ones; markers differ as well.
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D1F", "#5B4E9E")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
PUBLISHED_COLOUR = "#8A8A8A"
PUBLISHED = {"color": PUBLISHED_COLOUR, "linestyle": ":", "linewidth": 1, "marker": ".", "markersize": 3}


def draw(
    curves: Sequence[Curve], metrics: Sequence[Metric], published: Sequence[Curve], title: str
) -> dict[str, bytes]:
    """Files by name: one panel a metric, rate on a logarithmic axis."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    columns = 2
    rows = -(-len(metrics) // columns)
    size = (6.4 * columns, 4.2 * rows + 0.6)
    figure, grid = pyplot.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)
    for axes, metric in zip(grid.flat, metrics, strict=False):
        for curve in published:
            _line(axes, curve, metric, **PUBLISHED)
            _label(axes, curve, metric)
        for curve, colour, marker in zip(curves, COLOURS, MARKERS, strict=False):
            _line(axes, curve, metric, color=colour, marker=marker, label=curve.label)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("rate [bits per pixel]")
        axes.set_ylabel(f"{metric.axis}, {'lower' if metric.lower_is_better else 'higher'} is better")
        axes.grid(alpha=0.25, which="major")
    for axes in grid.flat[len(metrics) :]:
        axes.set_visible(False)
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False)
    figure.suptitle(title)
    files = {}
    for suffix in ("png", "svg"):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=suffix, dpi=130)
        files[f"curves.{suffix}"] = buffer.getvalue()
    pyplot.close(figure)
    return files


def _line(axes: object, curve: Curve, metric: Metric, **style: object) -> None:
    pairs = curve.points(metric.key)
    if pairs:
        axes.plot(*zip(*pairs, strict=True), **style)  # type: ignore[attr-defined]


def _label(axes: object, curve: Curve, metric: Metric) -> None:
    """A published curve's name above its first point: they are too many for a legend, and part there."""
    for start in curve.points(metric.key)[:1]:
        axes.annotate(  # type: ignore[attr-defined]
            curve.label, start, xytext=(-2, 4), textcoords="offset points", fontsize=6, color=PUBLISHED_COLOUR
        )
