"""What was measured: a record per picture, codec and setting; over all pictures, a curve per codec."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .metrics import Measured, Metric, picture_values


@dataclass(frozen=True)
class Record:
    """One real file, decoded again."""

    picture: str
    codec: str
    setting: int
    bytes: int
    bpp: float  # 8 x bytes / pixels of the original
    encode_s: float
    decode_s: float
    peak_mib: float | None  # of the coding process and its children; None where the system does not tell
    metrics: dict[str, Measured | None]  # by Metric.key

    def cost(self, column: str) -> float | None:
        """One of COSTS."""
        value: float | None = getattr(self, column)
        return value


COSTS = ("bytes", "bpp", "encode_s", "decode_s", "peak_mib")


@dataclass(frozen=True)
class Curve:
    """A codec's costs and metrics over the pictures, by rising setting."""

    codec: str
    label: str
    settings: tuple[int, ...]
    columns: dict[str, tuple[float | None, ...]]  # by column, as long as `settings`

    def points(self, column: str) -> list[tuple[float, float]]:
        """Rate in bits per pixel and the column's value, where there is one."""
        values = self.columns.get(column, (None,) * len(self.settings))
        pairs = zip(self.columns["bpp"], values, strict=True)
        return [(rate, value) for rate, value in pairs if rate is not None and value is not None]


def complete_pictures(records: Iterable[Record]) -> set[str]:
    """The pictures that every codec of the records coded: only over these are means comparable."""
    by_codec: dict[str, set[str]] = {}
    for record in records:
        by_codec.setdefault(record.codec, set()).add(record.picture)
    return set.intersection(*by_codec.values()) if by_codec else set()


def curves(records: Sequence[Record], labels: dict[str, str], metrics: Sequence[Metric]) -> list[Curve]:
    """One curve a codec that has records, in the order of `labels`, over the same pictures for all."""
    pictures = complete_pictures(records)
    result = []
    for codec, label in labels.items():
        rows = [r for r in records if r.codec == codec and r.picture in pictures]
        settings = tuple(dict.fromkeys(row.setting for row in rows))
        at = [[row for row in rows if row.setting == setting] for setting in settings]
        columns = {column: tuple(_mean([r.cost(column) for r in group]) for group in at) for column in COSTS}
        columns |= {m.key: tuple(m.value(r.metrics[m.key] for r in group) for group in at) for m in metrics}
        if settings:
            result.append(Curve(codec, label, settings, columns))
    return result


def _mean(values: list[float | None]) -> float | None:
    """Of the values there are: which are missing is the picture's doing, and so alike for all codecs."""
    present = [value for value in values if value is not None]
    return statistics.fmean(present) if present else None


def to_csv(records: Sequence[Record], metrics: Sequence[Metric]) -> str:
    """A row a record; numbers to six digits, empty where there is none."""
    names = ["picture", "codec", "setting", *COSTS, *(metric.key for metric in metrics)]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    for record in records:
        values = [*map(record.cost, COSTS), *picture_values(record.metrics, metrics).values()]
        numbers = [f"{v:.6g}" if isinstance(v, float) else v for v in values]
        writer.writerow([record.picture, record.codec, record.setting, *numbers])
    return buffer.getvalue()
