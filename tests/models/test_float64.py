"""The convolutions that replace PyTorch's in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.weak import WeakTensorKeyDictionary

from ulbic.models.float64 import DepthwiseConv, PointwiseConv, WinogradConv, transforms

pytestmark = pytest.mark.usefixtures("no_grad")


@pytest.fixture
def no_grad():
    with torch.no_grad():
        yield


def images(*shape):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def assert_equal(ours, expected):
    assert ours.shape == expected.shape
    assert float((ours - expected).abs().max()) < 1e-12


def test_a_line_is_filtered():
    pixels, filters, tile = transforms(outputs=2, side=3)
    line, taps = np.array([1, 2, 3, 4]), np.array([1, 10, 100])
    np.testing.assert_allclose(pixels @ ((filters @ taps) * (tile @ line)), [321, 432], rtol=1e-14)


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (9, 14)])
@pytest.mark.parametrize(("side", "outputs"), [(3, 2), (3, 4), (5, 2), (5, 4)])
def test_minimal_filtering_is_a_convolution(side, outputs, size):
    conv, x = nn.Conv2d(6, 5, side, padding=side // 2).double(), images(2, 6, *size)
    assert_equal(WinogradConv(conv, outputs)(x), conv(x))


def test_images_side_by_side_are_transformed_once_and_forgotten_with_them():
    known = WeakTensorKeyDictionary()
    first, second = (nn.Conv2d(6, 5, 3, padding=1).double() for _ in range(2))
    ours = [WinogradConv(conv, 4, known) for conv in (first, second)]
    x, y = images(1, 4, 7, 8), images(1, 2, 7, 8)
    for conv, fast in zip((first, second), ours, strict=True):
        assert_equal(fast(x, y), conv(torch.cat([x, y], dim=1)))
    assert len(known) == 2
    del x
    assert len(known) == 1


def test_convolutions_of_a_pixel_and_of_a_channel():
    x = images(2, 6, 5, 7)
    pointwise = nn.Conv2d(6, 4, 1).double()
    depthwise = nn.Conv2d(6, 6, 3, padding=1, groups=6).double()
    assert_equal(PointwiseConv(pointwise)(x), pointwise(x))
    assert_equal(DepthwiseConv(depthwise)(x), depthwise(x))
