import numpy as np
import pytest
import torch
from support import needs_shared

from ulbic.models.perceptual import LEVELS, WassersteinDistortion, feature_distortion, lpips_network


def everywhere(log2_sigma, side=24):
    return torch.full((1, 1, side, side), log2_sigma)


@pytest.mark.parametrize("log2_sigma", [0.0, 1.0, 2.3, 5.0])
def test_a_constant_shift_costs_its_square_in_every_feature_at_any_radius(log2_sigma):
    features = torch.rand(2, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    shifted = features + torch.tensor([0.5, 0.25, 0.0])[:, None, None]
    distances = feature_distortion(shifted, features, everywhere(log2_sigma))
    assert distances.tolist() == pytest.approx([0.3125, 0.3125], abs=1e-4)


def test_a_radius_forgives_other_places_and_not_other_strength():
    stripes = (torch.arange(24) % 2).float().expand(1, 1, 24, 24)
    moved, weaker = 1 - stripes, 0.5 * stripes
    assert float(feature_distortion(moved, stripes, everywhere(0.0))) == 1
    assert float(feature_distortion(moved, stripes, everywhere(2.0))) < 0.05  # except for the borders
    # Mean and deviation are 1/2 and 1/2 against 1/4 and 1/4.
    assert float(feature_distortion(weaker, stripes, everywhere(2.0))) == pytest.approx(0.125, abs=0.01)


def test_a_map_of_radii_counts_each_place_with_its_own():
    stripes = (torch.arange(64) % 2).float().expand(1, 1, 64, 64)
    radii = torch.zeros(1, 1, 64, 64)
    radii[..., 32:, :] = 2.0
    assert float(feature_distortion(1 - stripes, stripes, radii)) == pytest.approx(0.5, abs=0.02)


def noise(seed, side=96):
    """A texture of grains of three pixels."""
    grains = torch.rand(1, 1, side // 3, side // 3, generator=torch.Generator().manual_seed(seed))
    return grains.repeat_interleave(3, 2).repeat_interleave(3, 3).expand(1, 3, side, side)


@pytest.fixture(scope="module")
def distortion():
    return WassersteinDistortion()


@needs_shared
def test_equal_pictures_have_none(distortion):
    picture = noise(0).repeat(2, 1, 1, 1)
    assert distortion(picture, picture).tolist() == [0, 0]


@needs_shared
def test_another_sample_of_a_texture_is_nearer_than_its_blur_which_squares_deny(distortion):
    texture, other = noise(0), noise(1)
    blur = torch.nn.functional.avg_pool2d(texture, 5, 1, 2, count_include_pad=False)
    assert (other - texture).square().mean() > 2 * (blur - texture).square().mean()
    assert float(distortion(other, texture)) < 0.5 * float(distortion(blur, texture))
    assert float(distortion(other, texture)) < 0.7 * float(distortion(other, texture, 0.0))


@needs_shared
def test_without_a_radius_it_is_lpips(distortion):
    a, b = noise(0), 0.3 * noise(2) + 0.2
    lpips = lpips_network("squeeze")(2 * a - 1, 2 * b - 1)
    assert float(distortion(a, b, 0.0)) == pytest.approx(float(lpips), rel=1e-4)
    assert float(distortion(a, b, torch.zeros(1, 1, 96, 96))) == pytest.approx(float(lpips), rel=1e-4)


@needs_shared
def test_the_gradient_reaches_the_picture_and_leads_down(distortion):
    target = noise(0)
    for start in (torch.full_like(target, 0.5), noise(1)):  # flat, where deviations are 0, and another sample
        picture = start.clone().requires_grad_()
        before = distortion(picture, target, LEVELS)
        before.sum().backward()
        assert torch.isfinite(picture.grad).all()
        assert (picture.grad != 0).float().mean() > 0.9
        step = picture.detach() - 0.02 * picture.grad / picture.grad.abs().max()
        assert float(distortion(step, target, LEVELS)) < before.item()
    assert all(not p.requires_grad for p in distortion.parameters())


@needs_shared
def test_the_benchmark_reports_the_same_number(distortion):
    from PIL import Image

    from ulbic.benchmarks.metrics import wasserstein

    pixels = [(255 * noise(seed)[0].permute(1, 2, 0).numpy()).astype(np.uint8) for seed in (0, 1)]
    a, b = (torch.from_numpy(p).permute(2, 0, 1)[None] / 255 for p in pixels)
    assert wasserstein(*map(Image.fromarray, pixels)) == pytest.approx(float(distortion(b, a)))
