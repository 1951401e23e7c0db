import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from support import needs_shared, synthetic_picture

from ulbic.benchmarks import contact
from ulbic.benchmarks.contact import CAPTION, GAP, Cell, Crop, as_large, row
from ulbic.benchmarks.peers.jpeg import CODEC as JPEG


def numbered(width, height):
    """Every pixel is its column, its row and 0."""
    y, x = np.indices((height, width))
    return Image.fromarray(np.stack([x, y, 0 * x], 2).astype(np.uint8))


def test_a_crop_is_the_middle_or_begins_at_its_corner(tmp_path):
    picture = numbered(100, 60)
    assert Crop.parse("a@b.png@30,20") == Crop(contact.Path("a@b.png"), (30, 20))
    assert Crop.parse("a.png").of(picture, (20, 10)).getpixel((0, 0)) == (40, 25, 0)
    assert Crop.parse("a.png@30,20").of(picture, (20, 10)).getpixel((19, 9)) == (49, 29, 0)


@pytest.mark.parametrize(("zoom", "first", "last"), [(1, (30, 20), (49, 29)), (2, (35, 22), (44, 26))])
def test_a_zoom_shows_the_middle_of_the_crop_in_square_pixels(zoom, first, last):
    shown = Crop.parse("a.png@30,20").of(numbered(100, 60), (20, 10), zoom)
    assert shown.size == (20, 10)
    assert shown.getpixel((0, 0)) == shown.getpixel((zoom - 1, zoom - 1)) == (*first, 0)
    assert shown.getpixel((19, 9)) == (*last, 0)
    assert len(np.unique(np.asarray(shown).reshape(-1, 3), axis=0)) == 200 // zoom**2


def test_a_row_has_every_version_below_its_caption():
    cells = [Cell("text", Image.new("RGB", (40, 30), colour)) for colour in ("red", "lime", "blue")]
    strip = row(cells, Crop.parse("a.png"), (40, 30), 2)
    assert strip.size == (3 * 40 + 2 * GAP, CAPTION + 30 + GAP)
    corners = [strip.getpixel((i * (40 + GAP), CAPTION)) for i in range(3)]
    assert corners == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


def test_the_peers_file_is_the_nearest_in_size(monkeypatch):
    monkeypatch.setitem(contact.KNOBS, "jpeg", range(1, 96))
    picture = synthetic_picture(64, 64)
    sizes = [len(JPEG.encode(picture, setting)) for setting in range(1, 96)]
    for wanted in (0, 1000, 10**6):
        assert abs(len(as_large(JPEG, picture, wanted)) - wanted) == min(abs(s - wanted) for s in sizes)


@needs_shared
def test_the_command_draws_a_row_per_picture_and_zoom(tmp_path, monkeypatch):
    monkeypatch.setattr(contact, "Ulbic", lambda weights, settings: JPEG)
    monkeypatch.setitem(contact.CODECS, "heic", JPEG)
    monkeypatch.setattr(contact, "as_large", lambda codec, picture, size: codec.encode(picture, 18))
    synthetic_picture(96, 80).save(tmp_path / "a.png")
    places = [f"{tmp_path / 'a.png'}@4,4", str(tmp_path)]
    options = ["--peer", "heic", "--crop", "64", "48", "--zoom", "100", "--zoom", "200"]
    result = CliRunner().invoke(contact.main, [*places, "-o", str(tmp_path / "sheet.png"), *options])
    assert result.exit_code == 0, result.output
    height = CAPTION + 48 + GAP
    sheet = Image.open(tmp_path / "sheet.png")
    assert sheet.size == (3 * 64 + 2 * GAP, 4 * height)
    # The original's crop, and below it the middle of that at twice the size.
    original = Image.open(tmp_path / "a.png")
    assert sheet.getpixel((0, CAPTION)) == original.getpixel((4, 4))
    assert sheet.getpixel((63, height + CAPTION + 47)) == original.getpixel((4 + 47, 4 + 35))
