"""One step of every stage, exact resume, and the pieces that training stands on."""

from __future__ import annotations

import io
import json
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image
from support import needs_shared, synthetic_picture, toy_base_config

from ulbic.codec.networks import TorchNetworks
from ulbic.codec.relaxing import round_through
from ulbic.models.config import TINY
from ulbic.models.distortion import fidelity, structure
from ulbic.models.model import UlbicModel, reduce
from ulbic.models.tokenizer import Codebook
from ulbic.training.continuous_stage import code_relaxed, continuous_loss
from ulbic.training.curves import draw_curves
from ulbic.training.data import Crops, open_store
from ulbic.training.initialise import fit_lapped_transform, with_new_bridge
from ulbic.training.loop import Budget, learning_rate, train
from ulbic.training.losses import bits, grain
from ulbic.training.predictor_stage import kept_positions, mask_ratio, masked_loss, random_masks
from ulbic.training.recipes import RECIPES, bind
from ulbic.training.tokenizer_stage import CodebookKeeper


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    with tarfile.open(folder / "shard-00.tar", "w") as tar:
        for i in range(3):
            buffer = io.BytesIO()
            synthetic_picture(300, 280, seed=i).save(buffer, "PNG")
            member = tarfile.TarInfo(f"{i}.png")
            member.size = buffer.tell()
            buffer.seek(0)
            tar.addfile(member, buffer)
    return [folder / "shard-00.tar"]


def test_the_store_holds_every_picture_and_is_built_once(shards, tmp_path):
    first, again = open_store(shards, tmp_path), open_store(shards, tmp_path)
    assert len(first) == 3
    assert np.array_equal(first[2], np.asarray(synthetic_picture(300, 280, seed=2)))
    assert np.array_equal(first[1], again[1])


def test_crops_of_a_step_do_not_depend_on_where_the_run_began(shards, tmp_path):
    crops = Crops(open_store(shards, tmp_path), 2, seed=5)
    first, second = next(crops), next(crops)
    assert first.shape == (2, 3, 256, 256)
    assert 0 <= float(first.min()) <= float(first.max()) <= 1
    assert not torch.equal(first, second)
    assert torch.equal(second, next(Crops(open_store(shards, tmp_path), 2, seed=5, step=1)))


def test_the_continuous_stream_begins_as_transform_coding(shards, tmp_path):
    model = UlbicModel(TINY)
    crops = Crops(open_store(shards, tmp_path), 8, seed=5)
    fit_lapped_transform(model.continuous, crops, blocks=2_000)
    small = reduce(next(crops))
    restored = model.continuous.lapped.inverse(model.continuous.transform(small))
    error = (restored - small).square().mean()
    assert error < 0.1 * small.var()
    gain = torch.full((8,), 7)
    coded = code_relaxed(TorchNetworks(model), model.continuous.prior, next(crops), gain)
    assert float(coded.bpp.detach().mean()) < 0.3
    z = model.continuous.hyper_analyse(model.continuous.analyse(small, gain))
    assert float(bits(model.continuous.prior.likelihood(z.round())).detach().max()) < 0.1 * z[0].numel()


@pytest.mark.parametrize("kind", ["linear", "shared", "separate"])
def test_a_new_bridge_leaves_the_other_weights_and_adds_nothing_at_first(kind):
    torch.manual_seed(0)
    model = UlbicModel(TINY)
    new = with_new_bridge(model, kind).eval()
    assert new.config.bridge.kind == kind
    for part in ("continuous", "tokenizer"):
        for key, value in getattr(model, part).state_dict().items():
            assert torch.equal(getattr(new, part).state_dict()[key], value)
    y_hat, restoration = torch.randn(1, TINY.continuous.latents, 8, 8), torch.rand(1, 3, 256, 256)
    indices, received = torch.zeros(1, 16, 16, dtype=torch.long), torch.zeros(1, 16, 16, dtype=torch.bool)
    with torch.no_grad():
        features = new.bridge(y_hat, restoration)
        assisted = new.predictor(indices, ~received, features.assist)
        picture = new.paint(new.tokenizer.quantize(indices), received, features.correction, restoration)
        tokens = new.paint(new.tokenizer.quantize(indices), received, None, None)
        torch.testing.assert_close(assisted, new.predictor(indices, ~received, None))
    torch.testing.assert_close(picture, tokens.lerp(restoration, TINY.restoration_blend))


def test_the_curves_of_stages_make_one_picture(tmp_path):
    for stage, terms in (("first", {"bpp": 0.1}), ("second", {"bpp": 0.05, "lpips": 0.3})):
        (tmp_path / stage).mkdir()
        lines = [json.dumps({"step": i, "seconds": 60.0 * i, "loss": 1.0, **terms}) for i in (1, 2)]
        (tmp_path / stage / "log.jsonl").write_text("\n".join(lines))
    draw_curves([tmp_path / s / "log.jsonl" for s in ("first", "second")], tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > 1000
    draw_curves(
        [tmp_path / s / "log.jsonl" for s in ("first", "second")], tmp_path / "both.png", together=True
    )
    with Image.open(tmp_path / "curves.png") as one, Image.open(tmp_path / "both.png") as other:
        assert one.size == other.size
        assert one.tobytes() != other.tobytes()


def fixed_batches(step):
    batch = torch.rand(2, 3, 256, 256, generator=torch.Generator().manual_seed(7))
    while True:
        yield batch


NO_NETWORK = ("continuous", "contexts", "predictor", "mage-c", "predictor-cross")


@pytest.mark.parametrize(
    "stage", [pytest.param(s, marks=[] if s in NO_NETWORK else needs_shared) for s in RECIPES]
)
def test_one_step_of_every_stage_moves_its_parameters_alone(stage, tmp_path):
    torch.manual_seed(0)
    model = UlbicModel(TINY)
    before = {k: v.clone() for k, v in model.named_parameters()}
    task = bind(stage, model, RECIPES[stage].tiny)
    train(
        task.state, task.parameters, task.loss, fixed_batches, RECIPES[stage].tiny, Budget(2, None), tmp_path
    )
    trained = {k for k, v in model.named_parameters() if v.requires_grad}
    moved = {k for k, v in model.named_parameters() if not torch.equal(v, before[k])}
    assert moved - {"tokenizer.quantize.embedding.weight"} <= trained
    assert len(moved) > 0.5 * len(trained)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log[-1]["step"] == 2
    assert np.isfinite(log[-1]["loss"])


def test_every_weight_of_the_attention_contexts_learns():
    torch.manual_seed(0)
    model = UlbicModel(toy_base_config()).train()
    stream = model.continuous
    with torch.no_grad():
        stream.g_a[-1].weight.mul_(30)  # latents that are not all rounded to zero
        stream.prior.quantiles[:, :, 1] = 0.25  # nor hyper-latents
    recipe, networks = RECIPES["continuous"].base, TorchNetworks(model)
    loss, _ = continuous_loss(networks, stream.prior, next(fixed_batches(0)), recipe, 0.5)
    loss.backward()
    still = [name for name, p in stream.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


def test_a_resumed_run_ends_with_the_weights_of_an_unbroken_one(tmp_path):
    def run(folder, budgets):
        for steps in budgets:
            torch.manual_seed(0)
            model = UlbicModel(TINY)
            task = bind("predictor", model, RECIPES["predictor"].tiny)
            rate = RECIPES["predictor"].tiny
            train(task.state, task.parameters, task.loss, fixed_batches, rate, Constant(steps), folder)
        return model.predictor.state_dict()

    class Constant(Budget):
        """Ends after `steps` without a schedule that depends on them."""

        def __init__(self, steps):
            super().__init__(steps, None)

        def progress(self, step, elapsed):
            return 1.0 if step >= self.steps else 0.5

    unbroken, resumed = run(tmp_path / "a", [3]), run(tmp_path / "b", [1, 3])
    for key, value in unbroken.items():
        torch.testing.assert_close(resumed[key], value, rtol=0, atol=1e-6)


def test_learning_rate_warms_up_and_falls():
    config = RECIPES["joint"].tiny
    rates = [learning_rate(config, p) for p in (0.0, config.warmup, 0.5, 1.0)]
    assert rates[0] < rates[1]
    assert rates[1] > rates[2] > rates[3] > 0


def test_seed_facts_are_the_defaults_of_base():
    cross, pixels, pretraining = (RECIPES[s].base for s in ("predictor-cross", "decoder", "predictor"))
    assert (cross.batch, cross.learning_rate, cross.warmup, cross.label_smoothing) == (10, 5e-4, 0.1, 0.1)
    assert (pixels.batch, pixels.learning_rate, pixels.warmup) == (12, 4e-5, 0.04)
    assert (pixels.l1_weight, pixels.lpips_weight, pixels.lpips_net) == (8, 1, "alex")
    assert (pretraining.batch, pretraining.learning_rate, pretraining.grad_clip) == (4096, 1.5e-4, 3.0)
    assert all(c.betas == (0.9, 0.95) and c.weight_decay == 0.05 for c in (cross, pixels, pretraining))


def test_mask_ratio_follows_the_truncated_normal():
    torch.manual_seed(0)
    ratios = [mask_ratio() for _ in range(2000)]
    assert 0.5 <= min(ratios) < 0.52
    assert 0.95 < max(ratios) <= 1
    assert np.mean(ratios) == pytest.approx(0.70, abs=0.02)


def test_the_encoder_is_shown_everything_known():
    torch.manual_seed(0)
    masked = random_masks(8)
    assert (masked.flatten(1).sum(dim=1) >= 128).all()
    kept = kept_positions(masked)
    assert kept.shape == (8, 129)
    assert (kept[:, 0] == 0).all()
    for i in range(8):
        known = set((~masked[i].flatten()).nonzero()[:, 0].add(1).tolist())
        assert known <= set(kept[i].tolist())


def test_loss_counts_masked_indices_only():
    indices = torch.zeros(1, 16, 16, dtype=torch.long)
    masked = torch.zeros(1, 16, 16, dtype=torch.bool)
    masked[0, 0, :2] = True
    logits = torch.zeros(1, 256, 1024)
    logits[0, 0, 0] = 50.0
    logits[0, 2:, 5] = 50.0  # wrong, but not masked
    loss, matching = masked_loss(logits, indices, masked, 0.0)
    assert matching == 1.0  # the all-equal logits of the second one pick code 0 as well
    assert loss == pytest.approx(np.log(1024) / 2, rel=1e-4)


def test_unused_codes_are_restarted():
    torch.manual_seed(0)
    codebook = Codebook(64, 8)
    keeper = CodebookKeeper(codebook)
    used = []
    for _ in range(40):
        features = torch.randn(4, 8, 16, 16) * 3
        indices = codebook.nearest(features)
        keeper.update(codebook, features, indices)
        used.append(indices.unique().numel())
    assert used[0] < used[-1]
    assert used[-1] == 64


def test_rounding_passes_the_gradient():
    x = torch.tensor([0.2, 1.7], requires_grad=True)
    y = round_through(x)
    y.sum().backward()
    assert y.tolist() == [0.0, 2.0]
    assert x.grad.tolist() == [1.0, 1.0]


def test_losses_vanish_on_equal_pictures_and_see_their_defect():
    picture = torch.rand(2, 3, 16, 16).repeat_interleave(16, 2).repeat_interleave(16, 3)
    grid = picture.clone()
    grid[:, :, :, ::16] += 0.1
    for loss in (fidelity, structure, grain):
        assert float(loss(picture, picture).mean()) == pytest.approx(0, abs=1e-5)
        assert float(loss(grid, picture).mean()) > 0
