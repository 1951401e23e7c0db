from dataclasses import replace

import numpy as np
import pytest
import torch

from ulbic.codec.generate import GumbelNoise
from ulbic.codec.index_modes import INDEX_MODES
from ulbic.codec.maskgit import MaskGitConfig, complete_indices


def quarter(rows, columns):
    return torch.from_numpy(INDEX_MODES.named("1_4").training_mask(rows, columns))


class Stub:
    """Predicts the code 7 everywhere, with a confidence that falls from left to right; records the masks."""

    def __init__(self):
        self.masks = []

    def predict(self, indices, masked, assist):
        self.masks.append(masked.clone())
        logits = torch.zeros(len(indices), 256, 1024)
        logits[:, :, 7] = torch.linspace(9, 5, 16).repeat(16)
        return logits


def test_received_indices_are_kept_and_never_masked():
    stub, received = Stub(), quarter(20, 33)
    indices = torch.randint(0, 1024, (20, 33))
    filled = complete_indices(stub, indices, received, None, MaskGitConfig(steps=5))
    assert torch.equal(filled[received], indices[received])
    assert (filled[~received] == 7).all()
    assert all(not (mask & ~stub.masks[0]).any() for mask in stub.masks)


def test_the_cosine_schedule_decides_how_many_stay_masked():
    stub, received = Stub(), quarter(16, 16)
    complete_indices(stub, torch.zeros(16, 16, dtype=torch.long), received, None, MaskGitConfig(steps=4))
    assert [int(mask.sum()) for mask in stub.masks] == [192, 177, 135, 73]


def test_the_least_confident_stay_masked():
    stub = Stub()
    received = torch.zeros(16, 16, dtype=torch.bool)
    complete_indices(stub, torch.zeros(16, 16, dtype=torch.long), received, None, MaskGitConfig(steps=2))
    assert stub.masks[1][0, :, -1].all()
    assert not stub.masks[1][0, :, 0].any()


def test_nothing_is_predicted_when_everything_was_received():
    stub, indices = Stub(), torch.randint(0, 1024, (3, 5))
    assert torch.equal(complete_indices(stub, indices, torch.ones(3, 5, dtype=torch.bool), None), indices)
    assert stub.masks == []


@pytest.mark.parametrize("config", [MaskGitConfig(temperature=2.0), MaskGitConfig(sampled=True)])
def test_the_seed_decides_the_draw(bundle, config):
    received = torch.zeros(16, 16, dtype=torch.bool)
    indices = torch.zeros(16, 16, dtype=torch.long)
    first, again, other = (
        complete_indices(bundle.networks, indices, received, None, replace(config, noise=GumbelNoise(seed)))
        for seed in (3, 3, 4)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_noise_is_the_same_integers_everywhere():
    """SplitMix64 seeded with 1234567 begins with 6457827717110365317 (the author's test vector)."""
    draw = GumbelNoise(1234567)(torch.zeros(2, dtype=torch.float64))
    expected = [
        -np.log(-np.log(((z >> 11) + 0.5) / 2**53)) for z in (6457827717110365317, 3203168211198807973)
    ]
    assert draw.tolist() == pytest.approx(expected, rel=1e-12)
