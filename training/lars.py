"""LARS (You 2017): the momentum of large batches, every matrix at a rate in proportion to its own length."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

TRUST = 0.001  # length of a step, in those of the weights, at rate 1


class Lars(torch.optim.Optimizer):
    """Stochastic gradients with momentum; vectors keep the plain rate and never decay, as in MAE."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        momentum: float = 0.9,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                update = parameter.grad
                if parameter.ndim > 1:
                    update = update + group["weight_decay"] * parameter
                    lengths = parameter.norm() * TRUST, update.norm()
                    both = (lengths[0] > 0) & (lengths[1] > 0)
                    update = update * torch.where(both, lengths[0] / lengths[1], 1.0)
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                state["momentum"].mul_(group["momentum"]).add_(update)
                parameter.sub_(group["lr"] * state["momentum"])
