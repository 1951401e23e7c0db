"""The run: cache, faults of peers, means, files. Codecs here are small stand-ins, each a real file format."""

from __future__ import annotations

import csv
import io
import json

import pytest
from fragile import Fragile
from PIL import Image
from support import synthetic_picture

from ulbic.benchmarks import metrics, outputs
from ulbic.benchmarks.cache import Cache
from ulbic.benchmarks.peers.jpeg import CODEC as JPEG
from ulbic.benchmarks.peers.webp import CODEC as WEBP
from ulbic.benchmarks.pictures import open_pictures
from ulbic.benchmarks.published import published_curves
from ulbic.benchmarks.records import Record
from ulbic.benchmarks.runner import available, run
from ulbic.errors import InputError

QUICK = tuple(metric for metric in metrics.metric_table() if metric.key in ("psnr", "ms_ssim"))


FRAGILE = Fragile("fragile", "Fragile", (10, 60), "JPEG", feature="jpg")
CODECS = {"jpeg": JPEG, "webp": WEBP, "fragile": FRAGILE}


@pytest.fixture
def folder(tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    synthetic_picture(208, 176, seed=1).save(pictures / "wide.png")
    synthetic_picture(176, 208, seed=2).save(pictures / "high.png")
    return pictures


def bench(places, tmp_path, names=("jpeg",), table=QUICK, jobs=1):
    pictures, problems = open_pictures(places)
    versions, _ = available([CODECS[name] for name in names])
    cache = Cache(tmp_path / "cache")
    results = run(pictures, CODECS, versions, table, cache, jobs)
    return outputs.Run(pictures, CODECS, versions, table, jobs, results, problems), cache


def test_rates_are_of_whole_files_and_times_and_memory_are_taken(folder, tmp_path):
    finished, cache = bench([folder], tmp_path)
    records = finished.results.records
    assert [(r.picture, r.setting) for r in records[:7:6]] == [("high.png", 1), ("wide.png", 1)]
    for record in records:
        data = cache.data(finished.results.keys[record.picture, record.codec, record.setting])
        assert Image.open(io.BytesIO(data)).format == "JPEG"
        assert record.bytes == len(data)
        assert record.bpp == pytest.approx(8 * len(data) / (208 * 176))
        assert record.encode_s > 0
        assert record.decode_s > 0
    assert finished.results.problems == []


def test_a_second_run_takes_everything_from_the_cache_and_a_broken_entry_again(folder, tmp_path):
    first, cache = bench([folder], tmp_path)
    second, _ = bench([folder], tmp_path)
    assert second.results.records == first.results.records  # seconds as well
    broken = first.results.keys["wide.png", "jpeg", 8]
    (cache.folder / f"{broken}.json").write_text('{"picture": "wi')
    third, _ = bench([folder], tmp_path, jobs=2)
    changed = [r.setting for r, s in zip(third.results.records, first.results.records, strict=True) if r != s]
    assert changed in ([8], [])  # equal seconds would be a coincidence
    assert json.loads((cache.folder / f"{broken}.json").read_text())["setting"] == 8


def test_a_metric_asked_for_later_is_added_to_what_is_known(folder, tmp_path):
    first, _ = bench([folder], tmp_path, table=QUICK[:1])
    second, _ = bench([folder], tmp_path, table=QUICK)
    for before, after in zip(first.results.records, second.results.records, strict=True):
        assert set(before.metrics) == {"psnr"}
        assert after.metrics["psnr"] == before.metrics["psnr"]
        assert after.metrics["ms_ssim"] > 0
        assert after.encode_s == before.encode_s


def test_the_sums_of_a_set_are_kept_and_a_picture_without_a_calm_part_is_no_problem(folder, tmp_path):
    table = tuple(metric for metric in metrics.metric_table() if metric.key == "mesh")
    Image.new("RGB", (96, 64), "grey").save(folder / "calm.png")
    noise = Image.effect_noise((96, 64), 120).convert("RGB")
    noise.save(folder / "noise.png")
    first, cache = bench([folder], tmp_path, table=table)
    second, _ = bench([folder], tmp_path, table=table)
    assert second.results.records == first.results.records
    assert first.results.problems == []
    (curve,) = first.curves
    assert None not in curve.columns["mesh"]
    rows = csv.DictReader(io.StringIO(outputs.files(first, cache, None, [])["results.csv"].decode()))
    values = {row["picture"]: row["mesh"] for row in rows}
    assert values["noise.png"] == ""
    assert float(values["calm.png"]) == 0


def test_a_renamed_picture_is_the_same_picture(folder, tmp_path):
    bench([folder], tmp_path)
    (folder / "wide.png").rename(folder / "renamed.png")
    again, _ = bench([folder], tmp_path)
    assert {record.picture for record in again.results.records} == {"high.png", "renamed.png"}
    assert len(list((tmp_path / "cache").glob("*.bin"))) == 2 * len(JPEG.settings)


def test_a_peer_that_fails_on_a_picture_gets_a_line_and_the_means_stay_comparable(folder, tmp_path):
    finished, _ = bench([folder], tmp_path, ("jpeg", "fragile"))
    assert finished.results.problems == ["Fragile on wide.png: ValueError: too wide for me"]
    jpeg, fragile = finished.curves
    high = [r.bpp for r in finished.results.records if (r.picture, r.codec) == ("high.png", "jpeg")]
    assert list(jpeg.columns["bpp"]) == high
    assert fragile.settings == (10, 60)
    assert finished.summary.startswith("Means of 1 picture,")


def test_what_is_no_picture_gets_a_line_and_the_rest_goes_on(folder, tmp_path):
    Image.new("RGB", (8, 8), (9, 99, 200)).save(folder / "tiny.png")
    (folder / "corrupt.png").write_bytes((folder / "wide.png").read_bytes()[:300])
    (folder / "notes.txt").write_text("not taken for a picture")
    (tmp_path / "empty").mkdir()
    finished, _ = bench([folder, tmp_path / "empty", tmp_path / "missing.png"], tmp_path)
    lines = [*finished.left_out, *finished.results.problems]
    assert [line.split(":")[0] for line in lines[:1]] == [f"no pictures in {str(tmp_path / 'empty')!r}"]
    assert "damaged picture" in lines[1]
    assert "missing.png" in lines[2]
    assert lines[3:] == ["tiny.png has no MS-SSIM (too small?)"]
    assert {r.picture for r in finished.results.records} == {"high.png", "tiny.png", "wide.png"}


def test_nothing_to_measure_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no pictures in"):
        open_pictures([tmp_path])


def test_pictures_of_one_name_keep_apart(folder, tmp_path):
    (tmp_path / "other").mkdir()
    synthetic_picture(64, 64).save(tmp_path / "other" / "wide.png")
    pictures, _ = open_pictures([folder, tmp_path / "other"])
    assert len({picture.name for picture in pictures}) == 3


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory):
    """JPEG and WebP on one picture, and the files of that."""
    folder = tmp_path_factory.mktemp("finished")
    synthetic_picture(176, 208, seed=2).save(folder / "high.png")
    finished, cache = bench([folder], folder, ("jpeg", "webp"))
    return finished, outputs.files(finished, cache, None, [])


def test_files_for_machines(finished_run):
    finished, made = finished_run
    rows = list(csv.DictReader(io.StringIO(made["results.csv"].decode())))
    assert len(rows) == len(JPEG.settings) + len(WEBP.settings)
    assert float(rows[0]["psnr"]) == pytest.approx(finished.results.records[0].metrics["psnr"], rel=1e-5)
    results = json.loads(made["results.json"])
    assert results["anchor"] == "jpeg"
    assert set(results["bd_rate_percent"]["jpeg"]) == {"webp"}
    assert results["bd_rate_percent"]["jpeg"]["webp"]["psnr"] < 0
    assert made["curves.png"].startswith(b"\x89PNG")
    assert b"<svg" in made["curves.svg"]
    assert set(made) == {*outputs.NAMES, "results-jpeg.json", "results-webp.json"}


def test_compressai_plots_the_json_files(finished_run, tmp_path):
    from compressai.utils.plot.__main__ import parse_json_file

    for name in ("results.json", "results-webp.json"):
        (tmp_path / name).write_bytes(finished_run[1][name])
    psnr = parse_json_file(tmp_path / "results.json", "psnr")
    assert psnr["name"] == "JPEG"
    assert len(psnr["xs"]) == len(psnr["ys"]) == len(JPEG.settings)
    assert parse_json_file(tmp_path / "results-webp.json", "ms-ssim")["name"] == "WebP"


def entry(codec, setting, bpp):
    return Record("a.png", codec, setting, 100, bpp, 0.1, 0.1, None, {})


def test_the_comparison_takes_the_nearest_rates():
    own = [entry("ulbic", quality, 0.01 * quality) for quality in range(1, 9)]
    peers = [entry("avif", 0, 0.06), entry("avif", 5, 0.08), entry("vvc", 51, 0.02), entry("vvc", 48, 0.045)]
    chosen = outputs.nearest_in_rate([*own, *peers])
    assert [(r.codec, r.setting) for r in chosen] == [("ulbic", 5), ("vvc", 48), ("avif", 0)]
    assert outputs.nearest_in_rate(peers)[0].codec == "avif"


def test_published_curves_have_a_source_and_rising_rates():
    curves = {(curve.label, curve.codec): curve for curve in published_curves()}
    stable = curves["StableCodec", "LuizScarlet/StableCodec results/results.txt"]
    assert stable.points("lpips_alex")[0] == (0.00579, 0.30967)
    assert stable.points("lpips_squeeze") == []
    for curve in curves.values():
        rates = curve.columns["bpp"]
        assert list(rates) == sorted(rates)
        assert len(rates) > 2
