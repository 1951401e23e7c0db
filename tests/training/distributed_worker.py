"""Trains every stage at toy size; started by test_distributed.py, alone or twice under torchrun.

distributed_worker.py FOLDER    each stage once; two processes do it again, broken off and resumed
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import torch
from support import toy_config

from ulbic.models.model import UlbicModel
from ulbic.training.distributed import is_first, process_group, processes, rows_of, wait
from ulbic.training.loop import Budget, train
from ulbic.training.recipes import RECIPES, bind

BATCH, STEPS, BREAK = 4, 3, 2


class Broken(Exception):
    """The plug is pulled."""


def batches(step, end, stop):
    """This process's rows of fixed random crops; calls `stop` before step `end`."""
    while step < end:
        whole = torch.rand(BATCH, 3, 256, 256, generator=torch.Generator().manual_seed(step))
        yield whole[rows_of(BATCH)]
        step += 1
    stop()


def pull_the_plug():
    raise Broken


def run(stage, folder, seed, end, stop=pull_the_plug):
    """Trains (or goes on training) one stage; its weights, or None where `stop` broke it off."""
    torch.manual_seed(0)
    model = UlbicModel(toy_config())
    config = replace(RECIPES[stage].tiny, batch=BATCH, amp=False, lpips_net="squeeze")
    task = bind(stage, model, config)
    torch.manual_seed(seed)
    try:
        train(
            task.state,
            task.parameters,
            task.loss,
            lambda step: batches(step, end, stop),
            config,
            Budget(STEPS, None),
            folder,
            save_every=0.0,
            log_every=1,
        )
    except Broken:
        return None
    return model.state_dict()


def main(folder):
    with process_group("cpu"):
        for stage in RECIPES:
            unbroken = run(stage, folder / stage, 0, STEPS)
            if processes() == 1:
                continue
            broken = run(stage, folder / f"{stage}-broken", 0, BREAK)
            wait()
            resumed = run(stage, folder / f"{stage}-broken", 123, STEPS)
            assert broken is None
            if is_first():
                torch.save({"unbroken": unbroken, "resumed": resumed}, folder / stage / "weights.pt")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
