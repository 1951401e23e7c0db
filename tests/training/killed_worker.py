"""Trains a toy, alone or under torchrun; started by test_killed.py, which wants it to be killed on the way.

killed_worker.py between FOLDER    killed between two steps
killed_worker.py saving FOLDER     killed with its second checkpoint written, but not in its place
killed_worker.py end FOLDER...     goes on, or begins, to the end
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch
from distributed_worker import BREAK, STEPS, run

from ulbic.training.distributed import is_first, process_group, wait

STAGE = "predictor-cross"  # random masks, gains and samples without the features: all of it must be resumed


def die(*_):
    """Kills the process that writes the files; the others wait for it in vain."""
    if not is_first():
        wait()
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_second_checkpoint():
    place, saved = os.replace, []

    def replace(*paths):
        if saved:
            die()
        saved.append(paths)
        place(*paths)

    os.replace = replace


def main(moment, folders):
    if moment == "between":
        run(STAGE, folders[0], 0, BREAK, stop=die)
    elif moment == "saving":
        die_at_second_checkpoint()
        run(STAGE, folders[0], 0, STEPS)
    for folder in folders:
        seed = 123 if (folder / "state.pt").exists() else 0
        trained = run(STAGE, folder, seed, STEPS)
        if is_first():
            torch.save(trained, folder / "weights.pt")


if __name__ == "__main__":
    torch.set_num_threads(1)
    with process_group("cpu"):
        main(sys.argv[1], [Path(folder) for folder in sys.argv[2:]])
