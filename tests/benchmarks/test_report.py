"""The page in a real browser; skipped without one: it takes `pip install playwright` and a Chromium."""

from __future__ import annotations

import pytest
from support import PHONE, WIDE, synthetic_picture

from ulbic.benchmarks import metrics, outputs
from ulbic.benchmarks.cache import Cache
from ulbic.benchmarks.peers import CODECS
from ulbic.benchmarks.pictures import open_pictures
from ulbic.benchmarks.published import published_curves
from ulbic.benchmarks.runner import available, run


@pytest.fixture(scope="module")
def report_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    synthetic_picture(240, 180, seed=3).save(folder / "one.png")
    synthetic_picture(180, 240, seed=4).save(folder / "<b>two & more.png")
    pictures, _ = open_pictures([folder])
    codecs = {name: CODECS[name] for name in ("jpeg", "webp")}
    versions, _ = available(list(codecs.values()))
    table = metrics.metric_table("alex")[:2]
    cache = Cache(folder / "cache")
    results = run(pictures, codecs, versions, table, cache)
    finished = outputs.Run(pictures, codecs, versions, table, 1, results, ["</script> is only a line"])
    path = folder / "report.html"
    path.write_bytes(outputs.files(finished, cache, None, published_curves())["report.html"])
    return path


@pytest.fixture(params=[WIDE, PHONE], ids=["wide", "phone"])
def page(request, browser, report_file):
    """The page, opened from its file; whatever it says on the console or asks of a network is a failure."""
    width, height = request.param
    page = browser.new_page(viewport={"width": width, "height": height})
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith(("data:", "file:")) else complaints.append(r.url))
    page.goto(report_file.as_uri())
    yield page
    assert complaints == []
    page.close()


def test_nothing_is_fetched_from_elsewhere(report_file):
    text = report_file.read_text()
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text
    assert "{{" not in text


def test_images_load_and_nothing_is_wider_than_the_screen(page):
    for side in ("left", "right"):
        page.wait_for_function(f"document.getElementById('{side}-image').naturalWidth === 180")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.locator("#notes").inner_text().endswith("</script> is only a line")


def test_axes_have_units_and_every_curve_its_points(page):
    chart = page.locator("#chart")
    assert "rate [bits per pixel], logarithmic" in chart.text_content()
    assert "PSNR [dB], higher is better" in chart.text_content()
    assert page.locator("#chart path.curve:not(.published)").count() == 2
    assert page.locator("#chart path[transform]").count() == 12
    assert page.locator("#chart path.curve.published").count() > 5
    page.uncheck("#published")
    assert page.locator("#chart path.curve.published").count() == 0
    page.select_option("#metric", "ms_ssim")
    assert "MS-SSIM, higher is better" in chart.text_content()
    page.locator("#legend button").first.click()
    assert page.locator("#chart path.curve").count() == 1


def test_a_point_tells_its_figures(page):
    page.uncheck("#published")
    page.locator("#chart").scroll_into_view_if_needed()
    page.locator("#chart path[transform]").first.hover()
    assert page.locator(".tip").is_visible()
    tip = page.locator(".tip").inner_text()
    assert tip.startswith("JPEG, setting 1: ")
    assert "bpp, PSNR" in tip


def test_the_slider_moves_the_border(page):
    clip = "getComputedStyle(document.getElementById('right-image')).clipPath"
    assert "50%" in page.evaluate(clip)
    page.locator("#split").fill("20")
    assert "20%" in page.evaluate(clip)
    page.locator("#canvas").scroll_into_view_if_needed()
    box = page.locator("#canvas").bounding_box()
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 30, steps=5)
    page.mouse.up()
    assert page.evaluate(f"parseFloat({clip}.split(' ').pop())") == pytest.approx(70, abs=1.5)


def test_zoom_and_choice_of_pictures(page):
    page.select_option("#zoom", "3")
    assert page.locator("#left-image").bounding_box()["width"] == pytest.approx(540)
    page.select_option("#picture", label="one.png")
    page.wait_for_function("document.getElementById('left-image').naturalWidth === 240")
    page.select_option("#right", "2")
    assert page.locator("#right-caption").inner_text().startswith("WebP, setting ")
    assert "bpp" in page.locator("#right-caption").inner_text()
    assert page.locator("#left-caption").inner_text() == "original"


def test_tables(page):
    assert page.locator("#means tbody tr").count() == 12
    assert page.locator("#bd tbody tr").count() == 1
    page.select_option("#anchor", "webp")
    assert page.locator("#bd tbody td").first.inner_text() == "JPEG"
