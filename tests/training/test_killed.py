"""A run that is killed (SIGKILL) and started again ends with the weights of one that was not, bit for bit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

WORKER = Path(__file__).with_name("killed_worker.py")
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")


def train(launcher, moment, *folders):
    """The exit status of a training process, or of torchrun."""
    environment = os.environ | {"PYTHONPATH": str(WORKER.parents[1]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *launcher, str(WORKER), moment, *map(str, folders)]
    return subprocess.run(command, env=environment, check=False).returncode


def weights(folder):
    return torch.load(folder / "weights.pt", weights_only=True)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """One folder of a run that nothing happened to, and one for each moment of death."""
    made = {name: tmp_path_factory.mktemp(name) for name in ("unbroken", "between", "saving")}
    for moment in ("between", "saving"):
        assert train((), moment, made[moment]) == -signal.SIGKILL
        left = {path.name for path in made[moment].glob("state.*")}
        assert left == {"between": {"state.pt"}, "saving": {"state.pt", "state.tmp"}}[moment]
    assert train((), "end", *made.values()) == 0
    return made


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """The same of two processes, of which the one that writes is killed."""
    made = {name: tmp_path_factory.mktemp(name) for name in ("unbroken", "between")}
    assert train(TORCHRUN, "between", made["between"]) != 0
    assert {path.name for path in made["between"].glob("*.pt")} == {"state.pt"}
    assert train(TORCHRUN, "end", *made.values()) == 0
    return made


@pytest.mark.parametrize(
    ("runs", "moment"), [("alone", "between"), ("alone", "saving"), ("together", "between")]
)
def test_a_killed_run_ends_with_the_weights_of_an_unbroken_one(request, runs, moment):
    folders = request.getfixturevalue(runs)
    unbroken, resumed = weights(folders["unbroken"]), weights(folders[moment])
    assert resumed.keys() == unbroken.keys()
    assert all(torch.equal(resumed[key], value) for key, value in unbroken.items())
