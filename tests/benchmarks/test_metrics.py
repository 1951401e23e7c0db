import numpy as np
import pytest
from PIL import Image
from support import needs_shared, synthetic_picture

from ulbic.benchmarks import metrics


def grey(value, size=(256, 256)):
    return Image.new("RGB", size, (value,) * 3)


def test_psnr_of_a_known_error():
    assert metrics.psnr(grey(100), grey(110)) == pytest.approx(28.1308, abs=1e-4)
    assert metrics.psnr(grey(3), grey(3)) == float("inf")


def test_equal_pictures_are_perfect():
    picture = synthetic_picture(256, 256)
    assert metrics.ms_ssim(picture, picture) == pytest.approx(1)
    assert metrics.haarpsi(picture, picture) == pytest.approx(1, abs=1e-4)
    assert metrics.spectral_peak(picture, picture) == 0


@pytest.mark.parametrize("period", [2, 4, 8, 16])
def test_spectral_peak_sees_a_grid_and_not_noise(period):
    rng = np.random.default_rng(0)
    original = np.asarray(synthetic_picture(512, 256)).astype(float) + rng.normal(0, 4, (256, 512, 3))
    noisy = original + rng.normal(0, 4, original.shape)
    grid = original + np.where(np.arange(512) % period == 0, 10, 0)[None, :, None]
    pictures = [Image.fromarray(x.clip(0, 255).astype(np.uint8)) for x in (original, noisy, grid)]
    assert abs(metrics.spectral_peak(pictures[0], pictures[1])) < 3
    assert metrics.spectral_peak(pictures[0], pictures[2]) > 10


def test_small_pictures_have_no_spectrum():
    assert np.isnan(metrics.spectral_peak(grey(1, (100, 300)), grey(2, (100, 300))))


@needs_shared
def test_lpips_grows_with_blur():
    from PIL import ImageFilter

    picture = synthetic_picture(128, 128)
    distances = [metrics.lpips(picture, picture.filter(ImageFilter.GaussianBlur(r))) for r in (0, 2, 6)]
    assert distances[0] == pytest.approx(0, abs=1e-6)
    assert distances[0] < distances[1] < distances[2]
