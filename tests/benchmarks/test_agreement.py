"""JPEG, WebP and AVIF on three Kodak pictures, against files and metrics that share no code with ours."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from support import SHARED, needs_shared

from ulbic.benchmarks import metrics
from ulbic.benchmarks.cache import Cache
from ulbic.benchmarks.peers import CODECS
from ulbic.benchmarks.pictures import open_pictures
from ulbic.benchmarks.runner import available, run
from ulbic.paths import use_perceptual_weights

PICTURES = [SHARED / f"data/eval/kodak/kodim{number:02}.png" for number in (3, 8, 20)]
SAVED = {  # what a user of Pillow would write for the codec's smallest file
    "jpeg": ("a.jpg", {"quality": 1, "optimize": True}),
    "webp": ("a.webp", {"quality": 0, "method": 6}),
    "avif": ("a.avif", {"quality": 0, "speed": 5}),
}
TABLE = metrics.metric_table("squeeze")[:3]


def tensor(picture):
    import torch

    return torch.from_numpy(np.asarray(picture, np.float32).transpose(2, 0, 1).copy())[None]


@needs_shared
def test_agrees_with_an_independent_measurement(tmp_path):
    import lpips
    import piq

    use_perceptual_weights()
    network = lpips.LPIPS(net="squeeze", verbose=False).requires_grad_(False)
    pictures, _ = open_pictures(PICTURES)
    codecs = {name: replace(CODECS[name], settings=CODECS[name].settings[:1]) for name in SAVED}
    versions, missing = available(list(codecs.values()))
    if missing:
        pytest.skip(missing[0])
    records = run(pictures, codecs, versions, TABLE, Cache(tmp_path / "cache")).records
    assert len(records) == len(PICTURES) * len(SAVED)
    for record in records:
        path = SHARED / "data/eval/kodak" / record.picture
        name, options = SAVED[record.codec]
        original = Image.open(path)
        original.save(tmp_path / name, **options)
        x, y = tensor(original), tensor(Image.open(tmp_path / name).convert("RGB"))
        expected = {
            "bpp": 8 * (tmp_path / name).stat().st_size / (768 * 512),
            "psnr": float(piq.psnr(x, y, data_range=255)),
            "ms_ssim": float(piq.multi_scale_ssim(x, y, data_range=255)),
            "lpips_squeeze": float(network(x / 127.5 - 1, y / 127.5 - 1)),
        }
        for column, value in expected.items():
            measured = record.bpp if column == "bpp" else record.metrics[column]
            assert measured == pytest.approx(value, rel=5e-4), (
                record.picture,
                record.codec,
                column,
            )
