"""One self-contained page with curves, tables and the pictures themselves; needs nothing but a browser."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from importlib import resources

from PIL import Image

from ulbic.benchmarks.metrics import Metric, picture_values
from ulbic.benchmarks.records import Record

SHOWN_QUALITY = 90  # of the WebP files in the page
SHOWN_SIDE = 4096  # pixels at most; larger pictures are shown reduced


def picture_entry(
    name: str,
    original: Image.Image,
    versions: Sequence[tuple[str, Record, Image.Image]],
    metrics: Sequence[Metric],
) -> dict[str, object]:
    """The original, then what the codecs (label, record, picture) made of it."""
    shown = _shown(original)
    entries: list[dict[str, object]] = [{"label": "original", "bytes": None, "source": _source(shown)}]
    for label, record, decoded in versions:
        entries.append(
            {
                "label": f"{label}, setting {record.setting}",
                "bytes": record.bytes,
                "bpp": record.bpp,
                "metrics": picture_values(record.metrics, metrics),
                "source": _source(_shown(decoded)),
            }
        )
    return {"name": name, "width": shown.width, "height": shown.height, "versions": entries}


def metric_entry(metric: Metric) -> dict[str, object]:
    """What the page needs to know of a metric."""
    names = ("key", "label", "unit", "axis", "lower_is_better", "has_bd_rate")
    return {name: getattr(metric, name) for name in names}


def page(content: dict[str, object]) -> bytes:
    """The HTML file; `content` is what script.js calls `data`."""
    files = resources.files(__package__)
    text = files.joinpath("page.html").read_text()
    encoded = json.dumps(content, allow_nan=False).replace("</", "<\\/")
    for mark, part in {
        "style": files.joinpath("style.css").read_text(),
        "script": files.joinpath("script.js").read_text(),
        "data": encoded,
    }.items():
        text = text.replace("{{" + mark + "}}", part)
    return text.encode()


def _shown(picture: Image.Image) -> Image.Image:
    copy = picture.copy()
    copy.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    return copy


def _source(picture: Image.Image) -> str:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=SHOWN_QUALITY)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()
