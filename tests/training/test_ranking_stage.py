"""Stage `ranking`: what it aims at, what it moves, how it resumes, the file that it leaves."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner
from support import needs_shared, toy_config

from ulbic.models.model import UlbicModel
from ulbic.models.ranking import Ranking, RankingConfig
from ulbic.training.__main__ import cli
from ulbic.training.loop import Budget, train
from ulbic.training.painting import Told
from ulbic.training.ranking_stage import CONFIG, Judge, bind_ranking, worth

pytestmark = needs_shared  # LPIPS

SMALL = replace(CONFIG, batch=2)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return UlbicModel(toy_config()).eval().requires_grad_(False)


def ranking():
    torch.manual_seed(1)
    return Ranking(RankingConfig(widths=(4, 6, 8)))


def batches(step):
    for number in itertools.count(step):
        yield torch.rand(2, 3, 256, 256, generator=torch.Generator().manual_seed(number))


class EndsAt(Budget):
    """Stops after so many steps, without a schedule that depends on them."""

    def __init__(self, steps):
        super().__init__(steps, None)

    def progress(self, step, elapsed):
        return 1.0 if step >= self.steps else 0.5


def told(x):
    generator = torch.Generator().manual_seed(2)
    y_hat = torch.randn(len(x), 16, 8, 8, generator=generator)
    return Told(torch.zeros(len(x)), y_hat, torch.zeros(len(x)), x, torch.zeros(len(x), dtype=torch.bool))


def test_an_index_that_was_guessed_right_is_worth_nothing_and_one_that_was_not_is(model):
    x = next(batches(0))
    indices = torch.arange(512).view(2, 16, 16) % 64
    guess = indices.clone()
    guess[:, 3, 5] += 1
    found = worth(Judge.of(model, "squeeze"), x, told(x), guess, indices, SMALL)
    assert found.shape == (2, 16, 16)
    wrong = guess != indices
    assert (found[wrong] != 0).all()
    assert (found[~wrong] == 0).all()  # an untrained model does not look at what was received


def test_the_ranking_alone_moves_and_resumes_where_it_was(model, tmp_path):
    before = {key: value.clone() for key, value in model.state_dict().items()}

    def run(folder, budgets):
        for steps in budgets:
            torch.manual_seed(3)
            task = bind_ranking(model, ranking(), SMALL)
            train(task.state, task.parameters, task.loss, batches, SMALL, EndsAt(steps), folder)
        return task.state.state_dict()

    whole, resumed = run(tmp_path / "a", [2]), run(tmp_path / "b", [1, 2])
    start = ranking().state_dict()
    for key, value in whole.items():
        assert not torch.equal(value, start[key])
        torch.testing.assert_close(resumed[key], value, rtol=0, atol=1e-6)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_the_stage_needs_a_model(tmp_path):
    result = CliRunner().invoke(cli, ["stage", "ranking", "--steps", "1", "--output", str(tmp_path)])
    assert "the stage ranking needs the weights of a model: --init" in str(result.exception)
