"""Trains a toy in one process; started by test_killed.py, which wants it to be killed on the way.

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

STAGE = "predictor-cross"  # random masks, gains and samples without the features: all of it must be resumed


def die(*_):
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
        torch.save(run(STAGE, folder, seed, STEPS), folder / "weights.pt")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1], [Path(folder) for folder in sys.argv[2:]])
