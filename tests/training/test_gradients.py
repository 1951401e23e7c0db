"""Every weight that a stage trains can learn: no element is left without a gradient for good."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from support import needs_shared

from ulbic.models.config import TINY
from ulbic.models.model import UlbicModel
from ulbic.training.predictor_stage import masked_loss
from ulbic.training.recipes import RECIPES, bind

NO_NETWORK = {"continuous", "contexts", "indices", "predictor", "mage-c", "predictor-cross"}
STREAM = {"continuous", "contexts"}


def calm_noise(batch, side):
    coarse = torch.rand(batch, 3, side // 8, side // 8)
    return F.interpolate(coarse, scale_factor=8.0, mode="bilinear")


def a_model():
    """Untrained, with hyper-latents that are not all zero."""
    torch.manual_seed(0)
    model = UlbicModel(TINY)
    with torch.no_grad():
        model.continuous.h_a[-1].weight.mul_(1000)
    return model


def never_met(name, parameter):
    """Elements that no input reaches: taps on cells that are never known, logits that are not codes'."""
    unmet = torch.zeros_like(parameter, dtype=torch.bool)
    if name.endswith("local_context.weight"):
        offsets = torch.arange(-2, 3)
        unmet[:, :, (offsets[:, None] + offsets) % 2 == 0] = True
    if name.endswith("mlm_layer.bias"):
        unmet[..., TINY.tokenizer.codes :] = True
    if name.endswith("cross.key_value.bias"):
        unmet[: len(parameter) // 2] = True  # of keys: it moves all scores of a query alike
    if name == "embedding.weight":
        unmet[:] = True  # each code has a row of its own, and noise does not meet them all
    if name.startswith("head."):
        unmet[:] = True  # behind rectifiers, which few samples do not all wake
    return unmet


@pytest.mark.parametrize(
    "stage", [pytest.param(s, marks=[] if s in NO_NETWORK else needs_shared) for s in RECIPES]
)
def test_every_element_that_a_stage_trains_gets_a_gradient(stage):
    config = replace(RECIPES[stage].tiny, batch=4, prediction_share=1.0)
    model = a_model()
    task = bind(stage, model, config)
    optimizer = torch.optim.AdamW(task.parameters, 3e-3)
    seen = [torch.zeros_like(p, dtype=torch.bool) for p in task.parameters]
    for _ in range(4):
        x = calm_noise(16, 160) if stage in STREAM else calm_noise(4, 256)
        task.loss(x, 0.3)[0].backward()
        for met, parameter in zip(seen, task.parameters, strict=True):
            if parameter.grad is not None:
                met |= parameter.grad != 0
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    assert all(met.any() for met in seen)
    names = {id(p): name for name, p in task.state.named_parameters()}
    without = {
        names[id(p)]: int((~met & ~never_met(names[id(p)], p)).sum())
        for met, p in zip(seen, task.parameters, strict=True)
    }
    assert {name: count for name, count in without.items() if count} == {}


def test_a_batch_without_a_masked_index_costs_nothing():
    logits, indices = torch.randn(2, 256, 1024, requires_grad=True), torch.zeros(2, 16, 16, dtype=torch.long)
    loss, matching = masked_loss(logits, indices, torch.zeros(2, 16, 16, dtype=torch.bool), 0.1)
    loss.backward()
    assert (loss.item(), matching.item(), logits.grad.abs().sum().item()) == (0, 0, 0)
