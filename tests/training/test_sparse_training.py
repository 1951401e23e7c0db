"""One step of every stage of the sparse systems, their recipes, and exact resume."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from sparse import toys
from support import needs_shared, synthetic_picture

from ulbic.models.sparse.files import load_network, save_network
from ulbic.training.__main__ import cli
from ulbic.training.adversarial import PatchDiscriminator, adaptive_weight, hinge_loss, opinion_loss
from ulbic.training.loop import Budget, train
from ulbic.training.sparse_recipes import SPARSE_RECIPES

FIRST_STAGES = {"mq-vae": toys.mq_vae, "dq-vae": toys.dq_vae}
PRIORS = {"stackformer": "mq-vae", "dq-transformer": "dq-vae"}


def batches(step):
    batch = torch.rand(2, 3, 256, 256, generator=torch.Generator().manual_seed(7))
    while True:
        yield batch


def bound(stage, config, network=None):
    """A task on toys that fit 256x256 pixels, and its network."""
    if stage in FIRST_STAGES:
        network = network or FIRST_STAGES[stage]()
        return SPARSE_RECIPES[stage].bind(network, None, config), network
    if stage == "stackformer":
        stack = replace(toys.STACK.stack, block_size=64)
        network = network or toys.stackformer(stack=stack, positions=256)
    else:
        stack = replace(toys.DUAL.stack, block_size=288)
        network = network or toys.dq_transformer(stack=stack, coarse_side=8)
    first_stage = FIRST_STAGES[PRIORS[stage]]()
    return SPARSE_RECIPES[stage].bind(network, first_stage, config), network


@pytest.mark.parametrize(
    "stage", [pytest.param(s, marks=needs_shared if s in FIRST_STAGES else []) for s in SPARSE_RECIPES]
)
def test_one_step_of_every_stage_moves_its_parameters(stage, tmp_path):
    config = SPARSE_RECIPES[stage].tiny
    task, network = bound(stage, config)
    before = {k: v.clone() for k, v in network.named_parameters()}
    train(task.state, task.parameters, task.loss, batches, config, Budget(2, None), tmp_path)
    still = [k for k, v in network.named_parameters() if v.requires_grad and torch.equal(v, before[k])]
    assert [name for name in still if not name.endswith(toys.NO_EFFECT)] == []
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log[-1]["step"] == 2
    assert np.isfinite(log[-1]["loss"])


@needs_shared
@pytest.mark.parametrize("stage", FIRST_STAGES)
def test_the_codebook_moves_and_is_saved_to_resume_from(stage):
    config = SPARSE_RECIPES[stage].tiny
    task, network = bound(stage, config)
    codes = network.quantize.codebook.weight.clone()
    task.state.train()
    _, terms = task.loss(next(batches(0)), 0.5)
    assert not torch.equal(network.quantize.codebook.weight[:-1], codes[:-1])
    assert float(terms["codes"]) >= 1
    assert any("cluster_size_ema" in key for key in task.state.state_dict())


@needs_shared
def test_the_adversarial_game_has_two_sides():
    task, _ = bound("mq-vae", replace(SPARSE_RECIPES["mq-vae"].tiny, adversarial_weight=0.75))
    loss, terms = task.loss(next(batches(0))[:1], 0.5)
    loss.backward()
    learning = {name.split(".")[0] for name, p in task.state.named_parameters() if p.grad is not None}
    assert learning == {"network", "discriminator"}
    assert {"opinion", "hinge"} <= terms.keys()


def test_each_side_of_the_game_learns_from_its_own_loss():
    torch.manual_seed(0)
    discriminator = PatchDiscriminator(8)
    real, made = torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64, requires_grad=True)
    opinion_loss(discriminator, made).backward()
    assert made.grad.any()
    assert all(p.grad is None for p in discriminator.parameters())
    made.grad = None
    hinge_loss(discriminator, real, made).backward()
    assert made.grad is None
    assert all(p.grad is not None for p in discriminator.parameters())


def test_the_adaptive_weight_is_the_ratio_of_the_gradients():
    last = torch.tensor([3.0, 4.0], requires_grad=True)
    weight = adaptive_weight(6 * last.sum(), 2 * last.sum(), last)
    assert float(weight) == pytest.approx(3, abs=1e-3)


def test_the_papers_recipes():
    mq, dq = SPARSE_RECIPES["mq-vae"].base, SPARSE_RECIPES["dq-vae"].base
    for config in (mq, dq):
        assert (config.betas, config.learning_rate) == ((0.5, 0.9), pytest.approx(64 * 4.5e-6))
        assert (config.lpips_weight, config.adversarial_weight, config.lpips_net) == (1, 0.75, "vgg")
    for stage in PRIORS:
        config = SPARSE_RECIPES[stage].base
        assert (config.learning_rate, config.betas, config.weight_decay) == (5e-4, (0.9, 0.95), 0.01)
        assert SPARSE_RECIPES[stage].networks["base"].stack.dropout == 0.1


def test_a_resumed_run_ends_with_the_weights_of_an_unbroken_one(tmp_path):
    class Constant(Budget):
        """Ends after `steps` without a schedule that depends on them."""

        def progress(self, step, elapsed):
            return 1.0 if step >= self.steps else 0.5

    def run(folder, budgets):
        config = SPARSE_RECIPES["dq-transformer"].tiny
        for steps in budgets:
            task, network = bound("dq-transformer", config)
            train(task.state, task.parameters, task.loss, batches, config, Constant(steps, None), folder)
        return network.state_dict()

    unbroken, resumed = run(tmp_path / "a", [3]), run(tmp_path / "b", [1, 3])
    for key, value in unbroken.items():
        torch.testing.assert_close(resumed[key], value, rtol=0, atol=1e-6)


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    with tarfile.open(folder / "shard-00.tar", "w") as tar:
        buffer = io.BytesIO()
        synthetic_picture(300, 280).save(buffer, "PNG")
        member = tarfile.TarInfo("0.png")
        member.size = buffer.tell()
        buffer.seek(0)
        tar.addfile(member, buffer)
    return folder


def command(shards, output, *arguments):
    options = ["--shards", str(shards), "--output", str(output), "--device", "cpu", "--batch", "2"]
    return CliRunner().invoke(cli, ["stage", *map(str, arguments), "--steps", "1", *options])


def test_a_prior_is_trained_on_the_weights_of_its_first_stage(shards, tmp_path):
    save_network(tmp_path / "mq.safetensors", toys.mq_vae(codes=1024))
    result = command(shards, tmp_path / "run", "stackformer", "--init", tmp_path / "mq.safetensors")
    assert result.exception is None
    weights = tmp_path / "run" / "stackformer" / "weights.safetensors"
    assert result.output.strip() == str(weights)
    assert load_network(weights).config == SPARSE_RECIPES["stackformer"].networks["tiny"]


def test_a_prior_without_its_first_stage_is_refused(shards, tmp_path):
    save_network(tmp_path / "mq.safetensors", toys.mq_vae())
    assert "needs --init" in str(command(shards, tmp_path / "a", "dq-transformer").exception)
    wrong = command(shards, tmp_path / "b", "dq-transformer", "--init", tmp_path / "mq.safetensors")
    assert "needs weights of dq-vae" in str(wrong.exception)
    wrong = command(shards, tmp_path / "c", "dq-vae", "--init", tmp_path / "mq.safetensors")
    assert "needs weights of dq-vae" in str(wrong.exception)
