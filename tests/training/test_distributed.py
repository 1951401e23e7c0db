"""Two processes train like one, and a run that was broken off ends like one that was not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from support import needs_shared

from ulbic.training.recipes import RECIPES

pytestmark = needs_shared
WORKER = Path(__file__).with_name("distributed_worker.py")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    alone, together = (tmp_path_factory.mktemp(name) for name in ("alone", "together"))
    environment = os.environ | {"PYTHONPATH": str(WORKER.parents[1]), "OMP_NUM_THREADS": "1"}
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    for options, folder in (([], alone), (torchrun, together)):
        command = [sys.executable, *options, str(WORKER), str(folder)]
        subprocess.run(command, env=environment, check=True)
    return alone, together


@pytest.mark.parametrize("stage", RECIPES)
def test_two_processes_have_the_loss_curve_of_one(folders, stage):
    curves = [
        [json.loads(line) for line in (folder / stage / "log.jsonl").read_text().splitlines()]
        for folder in folders
    ]
    alone, together = ([line["loss"] for line in curve] for curve in curves)
    assert len(alone) == 3
    assert together == pytest.approx(alone, abs=1e-4)


@pytest.mark.parametrize("stage", RECIPES)
def test_a_resumed_run_ends_with_the_weights_of_an_unbroken_one(folders, stage):
    weights = torch.load(folders[1] / stage / "weights.pt", weights_only=True)
    for key, value in weights["unbroken"].items():
        torch.testing.assert_close(weights["resumed"][key], value, rtol=0, atol=1e-7)
