"""MAGE-C: pairs of views, masks, the contrastive loss, and where its gradient goes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from support import synthetic_picture, toy_config

from ulbic.errors import UlbicError
from ulbic.models.model import UlbicModel
from ulbic.training.contrast_stage import contrastive_loss
from ulbic.training.loop import Budget, train
from ulbic.training.predictor_stage import mask_ratio, ratio_masks
from ulbic.training.recipes import RECIPES, bind
from ulbic.training.views import centre_view, cut, prepared, random_view, view_pairs

RECIPE = RECIPES["mage-c"]


class Store:
    """Three pictures, each of one colour."""

    shapes = np.array([(40, 60), (50, 30), (64, 64)])

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return np.full((*self.shapes[index], 3), 100 * index, np.uint8)


def test_settings_are_those_of_the_paper():
    for config in (RECIPE.tiny, RECIPE.base):
        assert (config.contrast_weight, config.temperature, config.mask_ratio_max) == (0.1, 0.2, 0.6)
    assert (RECIPE.base.batch, RECIPE.base.learning_rate, RECIPE.base.grad_clip) == (8192, 1.5e-4, 3.0)


def test_views_lie_in_their_picture_and_show_a_fifth_of_it_or_more():
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(300):
        view = random_view(rng, 90, 120)
        assert 0 <= view.top <= view.top + view.height <= 90
        assert 0 <= view.left <= view.left + view.width <= 120
        assert 0.7 < view.width / view.height < 1.4
        shares.append(view.height * view.width / (90 * 120))
    assert 0.19 < min(shares) < 0.25
    assert max(shares) > 0.8
    assert centre_view(90, 120) == (0, 15, 90, 90, False)
    assert random_view(rng, 3, 500).height == 3  # too long for any view: the square in the middle


def test_a_cut_is_resized_and_mirrored():
    picture = np.array(synthetic_picture(64, 64))
    plain, mirrored = (cut(picture, centre_view(64, 64)._replace(mirrored=m), 64) for m in (False, True))
    assert torch.equal(plain, torch.from_numpy(picture).permute(2, 0, 1) / 255)
    assert torch.equal(mirrored, plain.flip(2))
    assert cut(picture, centre_view(64, 64), 32).shape == (3, 32, 32)


def test_neighbouring_rows_are_views_of_one_picture():
    first = [x for x, _ in zip(view_pairs(Store(), 6, 32, seed=1), range(3), strict=False)]
    assert first[0].shape == (6, 3, 32, 32)
    for batch in first:
        colours = batch.mean(dim=(1, 2, 3))
        torch.testing.assert_close(colours[::2], colours[1::2])
    torch.testing.assert_close(next(view_pairs(Store(), 6, 32, seed=1, step=2)), first[2])
    part = next(view_pairs(Store(), 6, 32, seed=1, rows=slice(2, 4)))
    torch.testing.assert_close(part, first[0][2:4])


def test_what_is_prepared_ahead_comes_in_order():
    assert list(prepared(lambda x: x * x, iter(range(20)), workers=2)) == [x * x for x in range(20)]


def test_at_most_six_tenths_are_masked():
    torch.manual_seed(0)
    ratios = ratio_masks(200, 0.6).float().mean(dim=(1, 2))
    assert 0.5 <= float(ratios.min()) <= float(ratios.max()) <= 0.6
    assert ratios.unique().numel() > 10
    assert max(mask_ratio(0.6) for _ in range(200)) <= 0.6
    assert float(ratio_masks(500).float().mean(dim=(1, 2)).max()) > 0.99


def test_the_loss_of_known_vectors():
    east, north = torch.tensor((1.0, 0.0)), torch.tensor((0.0, 1.0))
    loss, found = contrastive_loss(torch.stack([east, east, north, north]), 0.5)
    assert float(loss) == pytest.approx(np.log(np.exp(2) + 2) - 2)
    assert float(found) == 1
    loss, found = contrastive_loss(torch.stack([east, north, east, north]), 0.5)
    assert float(loss) == pytest.approx(np.log(np.exp(2) + 2))
    assert float(found) == 0


def test_torn_pairs_are_refused():
    model = UlbicModel(toy_config())
    task = bind("mage-c", model, RECIPE.tiny)
    with pytest.raises(UlbicError, match="not pairs"):
        task.loss(torch.rand(3, 3, 256, 256), 0.0)


def batches(_step):
    generator = torch.Generator().manual_seed(3)
    while True:
        yield torch.rand(4, 3, 256, 256, generator=generator)


class EndsAt(Budget):
    """Stops after so many steps, without a schedule that depends on them."""

    def __init__(self, steps):
        super().__init__(steps, None)

    def progress(self, step, elapsed):
        return 1.0 if step >= self.steps else 0.5


def test_a_step_moves_predictor_and_head_alone_and_a_resumed_run_ends_alike(tmp_path):
    config = replace(RECIPE.tiny, amp=False, contrast_weight=10.0)

    def run(folder, steps, seed=0):
        torch.manual_seed(0)
        model = UlbicModel(toy_config())
        before = {k: v.clone() for k, v in model.named_parameters()}
        task = bind("mage-c", model, config)
        torch.manual_seed(seed)

        def source(step):
            made = batches(0)
            for _ in range(step):
                next(made)
            return made

        train(task.state, task.parameters, task.loss, source, config, EndsAt(steps), folder)
        moved = {k for k, v in model.named_parameters() if not torch.equal(v, before[k])}
        return task.state.state_dict(), moved

    unbroken, moved = run(tmp_path / "a", 3)
    assert {key.split(".")[0] for key in moved} == {"predictor"}
    run(tmp_path / "b", 1)
    resumed, _ = run(tmp_path / "b", 3, seed=9)
    assert any(key.startswith("head.") for key in resumed)
    for key, value in unbroken.items():
        torch.testing.assert_close(resumed[key], value, rtol=0, atol=1e-7)


def test_the_contrastive_loss_reaches_head_and_encoder_and_not_the_decoder():
    torch.manual_seed(0)
    model = UlbicModel(toy_config())
    config = replace(RECIPE.tiny, amp=False)
    task = bind("mage-c", model, config)
    _, terms = task.loss(next(batches(0)), 0.0)
    terms["contrast"].backward()
    head = {k: v for k, v in task.state.named_parameters() if k.startswith("head.")}
    assert len(head) == 4
    encoder = {
        k: v
        for k, v in model.predictor.named_parameters()
        if k.startswith(("token_emb.", "blocks.", "norm."))
    }
    still = [k for k, v in (head | encoder).items() if v.grad is None or not v.grad.any()]
    assert still == []
    decoder = [v for k, v in model.predictor.named_parameters() if k.startswith("decoder")]
    assert all(v.grad is None for v in decoder)
