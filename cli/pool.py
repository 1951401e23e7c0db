"""Tasks in several processes, each with the model loaded once and its share of the cores."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from ulbic.errors import UlbicError

from .conversion import Outcome
from .plan import Task


def run_tasks(work: Callable[[Task], Outcome], tasks: list[Task], jobs: int) -> Iterator[Outcome]:
    """Outcomes as they come; `work` must be picklable where there is more than one job.

    Raises:
        UlbicError: a process died.
    """
    jobs = min(jobs, len(tasks))
    if jobs == 1:
        yield from map(work, tasks)
        return
    context = multiprocessing.get_context("spawn")  # a forked torch hangs
    with ProcessPoolExecutor(jobs, context, _start_worker, (jobs,)) as pool:
        with _interrupts_ignored():  # the processes inherit it, and leave Ctrl-C to this one
            futures = [pool.submit(work, task) for task in tasks]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool:
            raise UlbicError("a process died, perhaps for want of memory; the same command goes on") from None
        finally:
            pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def _start_worker(jobs: int) -> None:
    """Takes a share of the threads, and ends when the parent does."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import torch

    torch.set_num_threads(max(1, torch.get_num_threads() // jobs))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
