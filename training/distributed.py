"""Data-parallel training under torchrun: every process takes its share of each batch.

All processes draw the same random numbers, for the whole batch, and keep their own rows: so a run does not
depend on how many processes share it, except for dropout and rounding. Without torchrun everything here is
the identity.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ulbic.errors import UlbicError

Loss = Callable[[Any, float], tuple[Tensor, dict[str, Tensor]]]  # of a batch, and the run's progress


@contextmanager
def process_group(device: str) -> Iterator[str]:
    """Joins the group that torchrun started, if any; gives the device of this process."""
    if "WORLD_SIZE" not in os.environ or dist.is_initialized():
        yield device
        return
    cuda = device == "cuda"
    if cuda:
        device = f"cuda:{os.environ['LOCAL_RANK']}"
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if cuda else "gloo")
    try:
        yield device
    finally:
        dist.destroy_process_group()


def processes() -> int:
    """How many processes share the run."""
    return dist.get_world_size() if dist.is_initialized() else 1


def is_first() -> bool:
    """Whether this process is the one that writes files."""
    return not dist.is_initialized() or dist.get_rank() == 0


def wait() -> None:
    """Until every process has come here."""
    if dist.is_initialized():
        dist.barrier()


def rows_of(batch: int) -> slice:
    """This process's rows of a whole batch.

    Raises:
        UlbicError: the batch cannot be shared evenly.
    """
    size, left = divmod(batch, processes())
    if left:
        raise UlbicError(f"a batch of {batch} cannot be shared by {processes()} processes: choose --batch")
    first = size * (dist.get_rank() if dist.is_initialized() else 0)
    return slice(first, first + size)


Rows = TypeVar("Rows", int, Tensor)


def whole(rows: Rows) -> Rows:
    """Rows of all processes together, if each has as many as this one."""
    return rows * processes()


def own_rows(values: Tensor) -> Tensor:
    """This process's rows of what was drawn for the whole batch."""
    return values[rows_of(len(values))]


def total(values: Tensor) -> Tensor:
    """The sum over all processes."""
    if dist.is_initialized():
        values = values.clone()
        dist.all_reduce(values)
    return values


def of_all(values: Tensor) -> Tensor:
    """The rows of all processes, for a loss that each process computes of all of them.

    Own rows pass their gradient times the number of processes, so that the average over the processes is what
    a single one would have.
    """
    if not dist.is_initialized():
        return values
    count = processes()
    everyone = values.new_zeros(whole(len(values)), *values.shape[1:])
    everyone[rows_of(len(everyone))] = values.detach()
    everyone = total(everyone)
    everyone[rows_of(len(everyone))] = values * count - values.detach() * (count - 1)
    return everyone


def of_first(value: float) -> float:
    """The first process's value, for all."""
    if not dist.is_initialized():
        return value
    shared = torch.tensor(value, dtype=torch.float64)
    shared = shared.cuda() if dist.get_backend() == "nccl" else shared
    dist.broadcast(shared, src=0)
    return float(shared)


def mean_terms(terms: dict[str, Tensor]) -> dict[str, Tensor]:
    """Means over all processes of scalars to log."""
    device = terms["loss"].device
    values = total(torch.stack([term.detach().float().to(device) for term in terms.values()])) / processes()
    return dict(zip(terms, values, strict=True))


def parallel(state: nn.Module, loss: Loss) -> Loss:
    """`loss`, whose gradients are averaged over all processes as they come."""
    if not dist.is_initialized():
        return loss
    return DistributedDataParallel(_Step(state, loss), broadcast_buffers=False, find_unused_parameters=True)


class _Step(nn.Module):
    """A loss as the forward pass of the module whose parameters it sees."""

    def __init__(self, state: nn.Module, loss: Loss) -> None:
        super().__init__()
        self.state, self.loss = state, loss

    def forward(self, x: Any, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        return self.loss(x, progress)
