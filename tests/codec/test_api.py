"""What may stand for a file or a picture in the public functions."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from support import synthetic_picture

import ulbic
from ulbic.errors import ImageError, InputError


@pytest.fixture(scope="module")
def png():
    buffer = io.BytesIO()
    synthetic_picture(48, 32).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def ulb(png):
    return ulbic.encode(png, 2)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, io.BytesIO])
def test_bytes_and_open_files(kind, png, ulb):
    assert ulbic.encode(kind(png), 2) == ulb
    assert ulbic.info(kind(ulb)).width == 48
    assert ulbic.decode(kind(ulb)).tobytes() == ulbic.decode(ulb).tobytes()


def test_paths(tmp_path, png, ulb):
    (tmp_path / "a.png").write_bytes(png)
    (tmp_path / "a.ulb").write_bytes(ulb)
    assert ulbic.encode(str(tmp_path / "a.png"), 2) == ulbic.encode(tmp_path / "a.png", 2) == ulb
    with open(tmp_path / "a.ulb", "rb") as file:
        assert ulbic.decode(file).size == (48, 32)


def test_arrays(png, ulb):
    array = np.asarray(Image.open(io.BytesIO(png)))
    assert ulbic.encode(array, 2) == ulb
    assert ulbic.info(ulbic.encode(array[:, :, 0], 2)).grey
    with pytest.raises(ImageError, match="an array that is no picture"):
        ulbic.encode(array.astype(np.complex64))


@pytest.mark.parametrize("size", [(0, 0), (0, 5), (5, 0)])
def test_a_picture_without_pixels_is_refused(size):
    with pytest.raises(ImageError, match="has no pixels"):
        ulbic.encode(Image.new("RGB", size))


@pytest.mark.parametrize("source", [7, None, io.StringIO("text")])
def test_what_is_no_file_is_refused(source):
    for function in (ulbic.encode, ulbic.decode, ulbic.info):
        with pytest.raises(InputError, match="cannot read|binary mode"):
            function(source)


def test_weights_may_be_a_string(ulb):
    from ulbic.codec.profiles import TINY
    from ulbic.errors import WeightsError

    data = ulbic.encode(synthetic_picture(32, 32), 1, weights=str(TINY.find_weights()))
    assert ulbic.info(data).model_number == 15
    assert ulbic.decode(data, weights=str(TINY.find_weights())).size == (32, 32)
    with pytest.raises(WeightsError, match="--weights"):
        ulbic.decode(data)
