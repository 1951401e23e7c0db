"""Tasks in several processes, each with the model loaded once and its share of the cores."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import NoReturn

from ulbic.errors import UlbicError

from .conversion import Outcome
from .output import discard_unfinished
from .plan import Task
from .verbose import listen

_PATIENCE = (
    10  # seconds until a process that does not end is killed: one operation of a network may take some
)


def run_tasks(
    work: Callable[[Task], Outcome], tasks: list[Task], jobs: int, verbose: bool = False
) -> Generator[Outcome, None, None]:
    """Outcomes as they come; `work` must be picklable where there is more than one job.

    Raises:
        UlbicError: a process died.
    """
    jobs = min(jobs, len(tasks))
    if jobs <= 1:
        yield from map(work, tasks)
        return
    context = multiprocessing.get_context("spawn")  # a forked torch hangs
    with ProcessPoolExecutor(jobs, context, _start_worker, (jobs, verbose)) as pool:
        with _interrupts_later():  # the processes inherit it, and leave Ctrl-C to this one
            futures = [pool.submit(work, task) for task in tasks]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool:
            raise UlbicError("a process died, perhaps for want of memory; the same command goes on") from None
        except BaseException:
            _end_workers()
            raise
        finally:
            pool.shutdown(cancel_futures=True)


@contextlib.contextmanager
def _interrupts_later() -> Iterator[None]:
    """Keeps Ctrl-C until the end of the block, or where this cannot be done from coming at all."""
    if hasattr(signal, "pthread_sigmask"):
        before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    else:
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, handler)


def _end_workers() -> None:
    """Does not wait for what they are doing; they remove what they are writing."""
    workers = multiprocessing.active_children()
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join(_PATIENCE)
        if worker.is_alive():
            worker.kill()


def _start_worker(jobs: int, verbose: bool) -> None:
    """Takes a share of the threads, and ends when it is told to, or when the parent does."""
    signal.signal(signal.SIGTERM, _end_worker)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if verbose:
        listen()
    import torch

    torch.set_num_threads(max(1, torch.get_num_threads() // jobs))


def _end_worker(*_: object) -> NoReturn:
    discard_unfinished()
    os._exit(1)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        _end_worker()
