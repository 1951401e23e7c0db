"""The files that a benchmark run leaves: figures for machines, curves and a page for people."""

from __future__ import annotations

import json
import math
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ulbic.codec.profiles import DEFAULT_MODEL, PROFILES

from . import plots, report
from .bdrate import bd_rates
from .cache import Cache
from .metrics import Metric
from .peers import Codec
from .pictures import Picture
from .records import Curve, Record, complete_pictures, curves, to_csv
from .runner import Results

COMPRESSAI_NAMES = {"psnr": "psnr-rgb", "ms_ssim": "ms-ssim-rgb"}
COMPRESSAI_NAMES |= {"encode_s": "encoding_time", "decode_s": "decoding_time"}
NAMES = ("report.html", "curves.png", "curves.svg", "results.csv", "results.json")
ANCHORS = ("vvc", "heic", "avif", "jpeg", "ulbic")  # the first that was measured, unless one is asked for


@dataclass(frozen=True)
class Run:
    """A finished run, and how it was made."""

    pictures: Sequence[Picture]
    codecs: dict[str, Codec]
    versions: dict[str, str]
    metrics: Sequence[Metric]
    jobs: int
    results: Results
    left_out: Sequence[str]  # a line for each codec and metric that could not be used

    @property
    def curves(self) -> list[Curve]:
        labels = {name: codec.label for name, codec in self.codecs.items()}
        return curves(self.results.records, labels, self.metrics)

    @property
    def summary(self) -> str:
        count = len(complete_pictures(self.results.records))
        pictures = "1 picture" if count == 1 else f"{count} pictures"
        return f"Means of {pictures}, from whole files, decoded and rounded to 8 bits."

    @property
    def conditions(self) -> list[str]:
        """Lines for the page and the JSON file."""
        lines = [f"{self.codecs[name].label}: {version}" for name, version in self.versions.items()]
        at_once = "one picture at a time" if self.jobs == 1 else f"{self.jobs} pictures at once"
        machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
        lines.append(f"Seconds and peak memory: models loaded before, {at_once}, {machine}")
        lines.append("Pictures: " + ", ".join(picture.name for picture in self.pictures))
        return lines + list(self.left_out) + self.results.problems


def choose_anchor(curves: Sequence[Curve], wanted: str | None) -> str:
    """The codec that BD-rates are stated against."""
    measured = [curve.codec for curve in curves]
    order = ([wanted] if wanted else []) + [*ANCHORS, *measured]
    return next(name for name in order if name in measured)


def curve_file(codec: str) -> str:
    """Name of the file that holds this codec's curve alone."""
    return f"results-{codec}.json"


def files(run: Run, cache: Cache, anchor: str | None, published: Sequence[Curve]) -> dict[str, bytes]:
    """All files of the output folder, by name: NAMES, and a `curve_file` a codec."""
    measured = run.curves
    rates = bd_rates(measured, run.metrics)
    chosen = choose_anchor(measured, anchor)
    made = {"results.csv": to_csv(run.results.records, run.metrics).encode()}
    for curve in measured:
        made[curve_file(curve.codec)] = _json(_compressai_layout(run, curve))
    made["results.json"] = _json(
        _compressai_layout(run, measured[0])
        | {
            "codecs": [_compressai_layout(run, curve) for curve in measured],
            "bd_rate_percent": rates,
            "anchor": chosen,
            "conditions": run.conditions,
        }
    )
    made |= plots.draw(measured, run.metrics, published, run.summary)
    made["report.html"] = report.page(
        {
            "summary": run.summary,
            "metrics": [report.metric_entry(metric) for metric in run.metrics],
            "colours": plots.COLOURS,
            "curves": [asdict(curve) for curve in measured],
            "published": [asdict(curve) for curve in published],
            "bd_rate": rates,
            "anchor": chosen,
            "pictures": [_comparison(run, cache, picture) for picture in _coded(run)],
            "notes": run.conditions,
        }
    )
    return made


def _json(content: object) -> bytes:
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()


def _compressai_layout(run: Run, curve: Curve) -> dict[str, object]:
    """What `python -m compressai.utils.plot` reads; columns with missing values are left out."""
    columns = {
        COMPRESSAI_NAMES.get(name, name): list(values)
        for name, values in curve.columns.items()
        if None not in values
    }
    return {
        "name": curve.label,
        "description": run.versions[curve.codec],
        "results": {"setting": list(curve.settings), **columns},
    }


def _coded(run: Run) -> list[Picture]:
    names = {record.picture for record in run.results.records}
    return [picture for picture in run.pictures if picture.name in names]


def _comparison(run: Run, cache: Cache, picture: Picture) -> dict[str, object]:
    """The picture as ulbic's default quality leaves it, and as each peer does at the nearest rate."""
    records = [record for record in run.results.records if record.picture == picture.name]
    versions = []
    for record in nearest_in_rate(records):
        codec = run.codecs[record.codec]
        data = cache.data(run.results.keys[record.picture, record.codec, record.setting])
        versions.append((codec.label, record, codec.decode(data)))
    return report.picture_entry(picture.name, picture.load(), versions, run.metrics)


def nearest_in_rate(records: Sequence[Record]) -> list[Record]:
    """One record a codec: ulbic's at its default quality, then the peers', nearest in log rate first.

    Without ulbic the first codec's cheapest file takes its place.
    """
    by_codec: dict[str, list[Record]] = {}
    for record in records:
        by_codec.setdefault(record.codec, []).append(record)
    own = by_codec.pop("ulbic", None) or by_codec.pop(next(iter(by_codec)))
    usual = PROFILES.named(DEFAULT_MODEL).default_quality
    reference = next((record for record in own if record.setting == usual), own[0])

    def distance(record: Record) -> float:
        return abs(math.log(record.bpp / reference.bpp))

    return [reference, *sorted((min(rows, key=distance) for rows in by_codec.values()), key=distance)]


def account(run: Run, anchor: str | None) -> str:
    """BD-rates as lines for a terminal."""
    measured = run.curves
    chosen = choose_anchor(measured, anchor)
    shown = [metric for metric in run.metrics if metric.has_bd_rate]
    labels = {curve.codec: curve.label for curve in measured}
    lines = [f"BD-rate against {labels[chosen]}, %".ljust(32) + "".join(m.label.rjust(16) for m in shown)]
    for codec, row in bd_rates(measured, run.metrics)[chosen].items():
        values = ("n/a" if row[m.key] is None else f"{row[m.key]:+.1f}" for m in shown)
        lines.append(labels[codec].ljust(32) + "".join(value.rjust(16) for value in values))
    return "\n".join(lines)
