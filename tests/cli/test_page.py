"""The page of `ulbic serve` in a real browser; skipped without: it takes `ulbic[browser]` and a Chromium."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image
from support import PHONE, WIDE, serving, synthetic_picture

import ulbic

pytest.importorskip("starlette", reason="needs ulbic[web]")

PATIENCE = 300_000  # ms, for a busy machine


@pytest.fixture(scope="module")
def address(browser):
    with serving() as (_, address):
        yield address


@pytest.fixture(scope="module")
def picture():
    return synthetic_picture(96, 80)


@pytest.fixture(params=[WIDE, PHONE], ids=["wide", "phone"])
def page(request, browser, address):
    """The empty page; whatever it says on the console or asks of another address is a failure."""
    width, height = request.param
    phone = request.param == PHONE
    context = browser.new_context(
        viewport={"width": width, "height": height}, has_touch=phone, is_mobile=phone, accept_downloads=True
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    own = (f"{address}/", f"blob:{address}/", "data:")
    page.on("request", lambda r: None if r.url.startswith(own) else complaints.append(r.url))
    page.goto(address)
    page.wait_for_selector("#peer-buttons button", state="attached")
    yield page
    assert complaints == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    context.close()


def png(picture):
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def choose(page, data, name="a picture.png"):
    page.set_input_files("#file", {"name": name, "mimeType": "image/png", "buffer": data})


def finished(page):
    page.wait_for_selector("body:not(.empty)")
    page.wait_for_selector("#download-picture[href]", state="attached")
    page.wait_for_selector("#progress", state="hidden")


def rows(page):
    """What the table of figures says: bytes by name."""
    lines = (line.split("\t") for line in page.locator("#table tbody tr").all_inner_texts())
    return {line[0]: int(line[1].replace("\u202f", "")) for line in lines}


def clip(page, side):
    return page.evaluate(f"document.getElementById('{side}-image').style.clipPath")


def test_a_picture_there_and_back(page, picture):
    choose(page, png(picture))
    finished(page)
    data = ulbic.encode(picture, device="cpu")
    assert rows(page) == {"Original": len(png(picture)), "ulbic, q 5": len(data)}
    assert page.locator("#name").inner_text() == "a picture.png, 96 × 80"
    for side, name in (("left", "Original"), ("right", "ulbic, q 5")):
        image = page.locator(f"#{side}-image")
        assert image.evaluate("i => i.decode().then(() => [i.naturalWidth, i.naturalHeight])") == [96, 80]
        assert image.get_attribute("alt") == name
    with page.expect_download() as ulb:
        page.click("#download-file")
    assert ulb.value.suggested_filename == "a picture.ulb"
    assert ulb.value.path().read_bytes() == data
    with page.expect_download() as decoded:
        page.click("#download-picture")
    assert decoded.value.suggested_filename == "a picture.decoded.png"
    assert Image.open(decoded.value.path()).tobytes() == ulbic.decode(data, device="cpu").tobytes()


def test_quality_and_budget(page, picture):
    choose(page, png(picture))
    finished(page)
    page.locator("#quality").fill("1")
    finished(page)
    assert rows(page)["ulbic, q 1"] == len(ulbic.encode(picture, 1, device="cpu"))
    assert page.locator("#quality-value").inner_text() == "1"
    page.check("input[name=rate][value=budget]")
    finished(page)
    page.fill("#bytes", "110")
    page.press("#bytes", "Enter")
    finished(page)
    assert 90 < rows(page)["ulbic"] <= 110
    page.fill("#bytes", "5")
    page.press("#bytes", "Enter")
    page.wait_for_selector("#notes li")
    assert page.locator("#notes").inner_text().startswith("the smallest file of this picture has ")


def test_the_border_moves_and_zooming_keeps_the_middle(page, picture):
    choose(page, png(picture))
    finished(page)
    assert clip(page, "right") == "inset(0px 0px 0px 48px)"
    page.locator("#split").fill("25")
    assert (clip(page, "left"), clip(page, "right")) == (
        "inset(0px 72px 0px 0px)",
        "inset(0px 0px 0px 24px)",
    )
    box = page.locator("#canvas").bounding_box()
    page.mouse.move(box["x"] + 24, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 20, steps=4)
    page.mouse.up()
    assert float(page.locator("#split").input_value()) == pytest.approx(62.5, abs=1.1)

    widths = []
    for zoom in ("1", "2", "4", "0"):
        page.check(f"input[name=zoom][value='{zoom}']")
        widths.append(page.locator("#canvas").bounding_box()["width"])
    assert widths == [96, 192, 384, 96]
    if page.viewport_size["width"] == PHONE[0]:
        page.check("input[name=zoom][value='4']")
        middle = page.locator("#stage").evaluate("stage => stage.scrollLeft + stage.clientWidth / 2")
        assert middle == pytest.approx(192, abs=2)


def test_a_peer_at_as_many_bytes(page, picture):
    choose(page, png(picture))
    finished(page)
    page.click("#peer-buttons button[value=webp]")
    page.wait_for_selector("#left-image[alt=WebP]")
    finished(page)
    assert list(rows(page)) == ["Original", "ulbic, q 5", "WebP"]
    assert page.locator("#left-image").get_attribute("alt") == "WebP"
    page.locator("#quality").fill("8")  # another size: the peer follows
    finished(page)
    assert list(rows(page)) == ["Original", "ulbic, q 8", "WebP"]
    page.select_option("#left", "original")
    assert page.locator("#left-image").get_attribute("alt") == "Original"


def test_a_file_of_ours_is_opened(page, picture):
    data = ulbic.encode(picture, 2, device="cpu")
    choose(page, data, "small.ulb")
    finished(page)
    assert rows(page) == {"ulbic": len(data)}
    for hidden in ("#rate", "#peers", "#swipe", "#divider", "#download-file"):
        assert page.locator(hidden).is_hidden()
    assert page.locator("#download-picture").get_attribute("download") == "small.decoded.png"


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_drop_and_paste(page, picture, way):
    page.evaluate(
        """([way, data]) => {
          const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([bytes], "in.png", { type: "image/png" }));
          const event = way === "drop" ? new DragEvent("drop", { dataTransfer: transfer, bubbles: true })
            : new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true });
          document.body.dispatchEvent(event);
        }""",
        [way, base64.b64encode(png(picture)).decode()],
    )
    finished(page)
    assert len(rows(page)) == 2


def test_an_error_is_one_line_and_the_last_picture_stays(page, picture):
    choose(page, png(picture))
    finished(page)
    before = rows(page)
    choose(page, b"no picture", "note.txt")
    page.wait_for_selector("#error", state="visible")
    assert page.locator("#error-text").inner_text() == "the input is not a picture that can be read"
    assert page.locator("#progress").is_hidden()
    assert rows(page) == before
    page.click("#dismiss")
    assert page.locator("#error").is_hidden()


def test_progress_can_be_stopped(page, picture):
    page.route("**/encode*", lambda route: None)  # never answers
    choose(page, png(picture))
    page.wait_for_selector("body:not(.empty)")
    page.wait_for_selector("#stop", state="visible")
    assert page.locator("#status").inner_text() == "Sending"
    page.click("#stop")
    page.wait_for_selector("#progress", state="hidden")
    assert page.locator("#error").is_hidden()
    assert list(rows(page)) == ["Original"]
    page.unroute_all(behavior="ignoreErrors")
    page.click("#encode")
    finished(page)
    assert len(rows(page)) == 2


def test_the_keyboard_is_enough(page, picture):
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "file"
    choose(page, png(picture))
    finished(page)
    page.focus("#split")
    page.keyboard.press("Home")
    assert clip(page, "right") == "inset(0px)"
    page.focus("input[name=zoom]:checked")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.querySelector('input[name=zoom]:checked').value") == "1"
    named = "e => !!(e.ariaLabel || e.textContent.trim() || (e.labels && e.labels.length))"
    for element in page.locator("input, select, button, a, progress, [tabindex]").all():
        assert element.evaluate(named), element
    for element in page.locator("button, .button, select, .segments label").all():
        if element.is_visible():
            assert element.bounding_box()["height"] > 40  # pixels, which a finger finds
