from click.testing import CliRunner
from PIL import Image

from ulbic.benchmarks.large import main, mosaic


def test_a_mosaic_repeats_its_pictures():
    red, blue = (Image.new("RGB", (300, 200), colour) for colour in ("red", "blue"))
    whole = mosaic([red, blue], 0.48)
    assert whole.size == (800, 600)
    assert [whole.getpixel(place) for place in ((0, 0), (299, 199), (300, 0), (600, 0), (0, 200))] == [
        *[(255, 0, 0)] * 2,
        (0, 0, 255),
        (255, 0, 0),
        (0, 0, 255),
    ]


def test_both_directions_are_weighed(picture_file, tmp_path):
    output = tmp_path / "large.md"
    result = CliRunner().invoke(main, [str(picture_file), "-o", str(output), "--megapixels", "0.01"])
    assert result.exit_code == 0, result.output
    rows = [line.split(" | ") for line in output.read_text().splitlines()[4:]]
    assert [row[:3] for row in rows] == [["| 0.01", "this", "encode"], ["| 0.01", "this", "decode"]]
    assert all(float(figure.rstrip(" |")) > 0 for row in rows for figure in row[3:])
