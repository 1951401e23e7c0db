"""`ulbic serve`: its routes, what they answer, and its guard."""

from __future__ import annotations

import io
import json
import re
from importlib import resources

import pytest
from PIL import Image
from support import synthetic_picture

import ulbic

pytest.importorskip("starlette", reason="needs ulbic[web]")
testclient = pytest.importorskip("starlette.testclient", reason="needs httpx2")

from ulbic.cli.web import app as web  # noqa: E402
from ulbic.cli.web import jobs  # noqa: E402
from ulbic.cli.web.work import Coder  # noqa: E402

PAGE = "http://127.0.0.1:8765"


@pytest.fixture(scope="module")
def client():
    app = web.create_app(web.local_hosts(8765), Coder(device="cpu"), jobs.Worker())
    with testclient.TestClient(app, base_url=PAGE, headers={"Origin": PAGE}) as client:
        yield client


@pytest.fixture(scope="module")
def picture():
    return synthetic_picture(96, 80)


def png(picture):
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def events(response):
    """The events of an answer, each with the bytes that follow it."""
    assert response.status_code == 200, response.text
    rest, found = response.content, []
    while rest:
        line, _, rest = rest.partition(b"\n")
        event = json.loads(line)
        event["data"], rest = rest[: event.get("size", 0)], rest[event.get("size", 0) :]
        found.append(event)
    return found


def parts(response):
    found = events(response)
    assert found[-1] == {"done": True, "data": b""}, found[-1]
    return {event["part"]: event for event in found if "part" in event}


def error(response):
    last = events(response)[-1]
    return last["code"], last["error"]


def test_the_page_brings_all_it_needs(client):
    page = client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    links = re.findall(r'(?:src|href)="([^"]*)"', page.text)
    assert links == ["data:,", "/style.css", "/view.js", "/stream.js", "/script.js"]
    for link in links[1:]:
        assert client.get(link).status_code == 200
    for file in resources.files("ulbic.cli.web").iterdir():
        if file.name.endswith((".html", ".css", ".js")):
            assert "//" not in re.sub(r"(?m)(^|\s)//.*$", "", file.read_text()), file.name


def test_nothing_else_may_be_loaded_shown_or_kept(client):
    for path in ("/", "/about", "/nowhere"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_about_names_limits_and_peers(client):
    about = client.get("/about").json()
    assert (about["max_bytes"], about["max_pixels"]) == (268435456, 100000000)
    assert {"name": "webp", "label": "WebP"} in about["peers"]
    assert len(about["peers"]) + len(about["missing"]) == 5


def test_encode_is_what_the_library_does(client, picture):
    response = client.post("/encode", params={"quality": 3}, content=png(picture))
    found = parts(response)
    data = ulbic.encode(picture, 3, device="cpu")
    assert found["file"]["data"] == data
    assert (found["file"]["bytes"], found["file"]["bpp"]) == (len(data), 8 * len(data) / (96 * 80))
    decoded = Image.open(io.BytesIO(found["decoded"]["data"]))
    assert decoded.format == "PNG"
    assert decoded.tobytes() == ulbic.decode(data, device="cpu").tobytes()
    assert found["file"]["encode_s"] > 0
    assert found["decoded"]["decode_s"] > 0
    steps = [event["step"] for event in events(response) if "step" in event]
    assert steps[-2:] == ["Encoding", "Decoding"]


def test_a_budget_is_kept_or_noted(client, picture):
    found = parts(client.post("/encode", params={"target_size": 120}, content=png(picture)))
    assert found["file"]["bytes"] <= 120
    response = client.post("/encode", params={"target_size": 1}, content=png(picture))
    notes = [event["note"] for event in events(response) if "note" in event]
    assert len(notes) == 1
    assert notes[0].startswith("the smallest file of this picture has ")


def test_opening_a_picture_shows_what_is_coded(client):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = synthetic_picture(40, 30).convert("RGBA")
    picture.putpixel((0, 0), (0, 0, 0, 0))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", exif=exif)
    found = parts(client.post("/open", content=buffer.getvalue()))
    assert list(found) == ["original"]
    assert (found["original"]["width"], found["original"]["height"]) == (30, 40)
    shown = Image.open(io.BytesIO(found["original"]["data"]))
    assert shown.getpixel((29, 0))[3] == 0
    assert shown.getpixel((28, 0)) == picture.getpixel((0, 1))


def test_opening_a_file_of_ours_decodes_it(client, picture):
    data = ulbic.encode(picture, 2, device="cpu")
    found = parts(client.post("/open", content=data))
    assert list(found) == ["file", "decoded"]
    assert (found["file"]["bytes"], found["file"]["data"]) == (len(data), b"")
    shown = Image.open(io.BytesIO(found["decoded"]["data"]))
    assert shown.tobytes() == ulbic.decode(data, device="cpu").tobytes()


def test_a_peer_at_as_many_bytes(client, picture):
    content = png(picture)
    sizes = []
    for size in (200, 900):
        found = parts(client.post("/peer", params={"codec": "webp", "size": size}, content=content))
        assert found["peer-file"]["data"] == b""
        assert Image.open(io.BytesIO(found["peer"]["data"])).size == (96, 80)
        sizes.append(found["peer-file"]["bytes"])
    assert sizes[0] < sizes[1]
    assert sizes[1] == pytest.approx(900, rel=0.1)


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b"no picture", 4, "the input is not a picture that can be read"),
        (b"", 4, "the input is not a picture that can be read"),
        (bytes.fromhex("d955101abc34ff05ff0301020000"), 7, "the checksum does not match"),
        (bytes.fromhex("d955201abc34ff05ff0301020000"), 6, ""),
    ],
)
def test_a_bad_file_is_one_line(client, content, code, line):
    found = error(client.post("/open", content=content))
    assert found[0] == code
    assert found[1].startswith(line)
    assert "\n" not in found[1]
    if code == 4:
        assert error(client.post("/encode", params={"quality": 1}, content=content)) == found


def test_too_many_pixels_are_one_line(client):
    content = png(Image.new("1", (20000, 5001)))
    for path in ("/open", "/encode?quality=1", "/peer?codec=webp&size=9"):
        assert error(client.post(path, content=content)) == (10, "the input has more than 100000000 pixels")


def test_a_peer_that_cannot_code_it_is_one_line(client):
    content = png(Image.new("L", (16400, 1)))
    code, line = error(client.post("/peer?codec=webp&size=99", content=content))
    assert code == 1
    assert line.startswith("WebP cannot code this picture: ")


def test_an_upload_that_is_too_large_is_refused(client, monkeypatch):
    monkeypatch.setattr(web, "MAX_UPLOAD", 1000)
    for content in (b"x" * 1001, iter([b"x" * 600, b"x" * 600])):  # with and without a length
        answer = client.post("/open", content=content)
        assert (answer.status_code, answer.json()) == (413, {"error": "the file has more than 1000 bytes"})


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8765", "127.0.0.1:80", "127.0.0.1", "localhost.evil.example:8765", ""],
)
def test_other_names_of_this_address_are_refused(client, host):
    for method, path in (("GET", "/"), ("GET", "/about"), ("POST", "/open")):
        answer = client.request(method, path, headers={"Host": host, "Origin": f"http://{host}"})
        assert answer.status_code == 403
        assert answer.json() == {"error": "this server answers on its own address only"}


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://localhost:8765", "https://127.0.0.1:8765", "null", ""]
)
def test_other_pages_may_not_post(client, origin):
    answer = client.post("/open", content=b"x", headers={"Origin": origin})
    assert (answer.status_code, answer.json()) == (403, {"error": "only the page itself may ask for this"})


def test_a_post_without_an_origin_is_refused(client):
    request = client.build_request("POST", "/open", content=b"x")
    del request.headers["Origin"]
    assert client.send(request).status_code == 403


def test_localhost_is_another_name_for_it(client):
    headers = {"Host": "localhost:8765", "Origin": "http://localhost:8765"}
    assert client.post("/open", content=b"x", headers=headers).status_code == 200


def test_port_80_needs_no_number():
    assert web.local_hosts(80) == {"127.0.0.1", "localhost", "127.0.0.1:80", "localhost:80"}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/encode", "one of quality and target_size must be given"),
        ("/encode?quality=3&target_size=900", "one of quality and target_size must be given"),
        ("/encode?quality=13", "quality must be a whole number from 1 to 12"),
        ("/encode?quality=x", "quality must be a whole number from 1 to 12"),
        ("/encode?target_size=0", "target_size must be a whole number from 1 to 268435456"),
        ("/encode?target_size=%C2%B2", "target_size must be a whole number from 1 to 268435456"),
        ("/peer?codec=abacus&size=900", "there is no codec 'abacus' here"),
        ("/peer?codec=webp", "size must be a whole number from 1 to 268435456"),
    ],
)
def test_wrong_parameters_are_one_line(client, path, line):
    answer = client.post(path, content=b"x")
    assert (answer.status_code, answer.json()) == (400, {"error": line})


def test_a_busy_server_says_so(client, monkeypatch):
    monkeypatch.setattr(jobs.Worker, "full", True)
    answer = client.post("/open", content=b"x")
    assert answer.status_code == 503
    assert answer.json() == {"error": "too many jobs wait; try again when they are done"}
