"""MLIC++ as the public code saves it since 2024-04, with CompressAI's names of any version.

The code stores GDN's parameters as square roots above a pedestal (Ballé 2016), and buffers that CompressAI
derives from others. Files of the 2023 generation belong to larger synthesis and residual-prediction networks
and are refused.
"""

from __future__ import annotations

import re

from torch import Tensor

from ulbic.errors import WeightsError
from ulbic.models.attention_context import LOCAL_WINDOW
from ulbic.models.config import ModelConfig

from .source import Shapes, Source

_SLICE = r"continuous\.context\.slices\.(\d+)\."
_NAMES = [  # patterns of our keys, and what the public code calls them
    (r"continuous\.g_a\.", "g_a.analysis_transform."),
    (r"continuous\.g_s\.", "g_s.synthesis_transform."),
    (r"continuous\.h_a\.", "h_a.reduction."),
    (r"continuous\.context\.h_s\.", "h_s.increase."),
    (r"continuous\.prior\.", "entropy_bottleneck."),
    (_SLICE + r"channel_context\.", r"channel_context.\1.fushion."),  # spelt so
    (_SLICE + r"(local_context|global_\w+)\.", r"\2.\1."),
    (_SLICE + r"entropy_parameters\.0\.", r"entropy_parameters_anchor.\1.fusion."),
    (_SLICE + r"entropy_parameters\.1\.", r"entropy_parameters_nonanchor.\1.fusion."),
    (_SLICE + r"residual_prediction\.0\.", r"lrp_anchor.\1.lrp_transform."),
    (_SLICE + r"residual_prediction\.1\.", r"lrp_nonanchor.\1.lrp_transform."),
]
_OLD_BOTTLENECK = {"_matrix": "matrices.", "_bias": "biases.", "_factor": "factors."}  # CompressAI < 1.2.7
_PEDESTAL = 2.0**-36
_SMALLEST = {"beta": 1e-6, "gamma": 0.0}  # that CompressAI's GDN allows
_GENERATION_2023 = "lrp_anchor.0.lrp_transform.6.weight"


def _public_key(key: str) -> str | None:
    for pattern, name in _NAMES:
        renamed, count = re.subn("^" + pattern, name, key)
        if count:
            return renamed
    return None


def _unused(config: ModelConfig) -> Shapes:
    shapes: Shapes = {
        "entropy_bottleneck.target": (3,),
        "gaussian_conditional.scale_table": (0,),
        "gaussian_conditional.scale_bound": (1,),
        "gaussian_conditional.lower_bound_scale.bound": (1,),
    }
    for model in ("entropy_bottleneck", "gaussian_conditional"):
        shapes |= {f"{model}.{name}": (0,) for name in ("_offset", "_quantized_cdf", "_cdf_length")}
        shapes[f"{model}.likelihood_lower_bound.bound"] = (1,)
    norms = [f"g_a.analysis_transform.{i}.gdn" for i in (0, 2, 4)]
    norms += [f"g_s.synthesis_transform.{i}.igdn" for i in (1, 3, 5)]
    for norm in norms:
        for name in _SMALLEST:
            shapes[f"{norm}.{name}_reparam.pedestal"] = (1,)
            shapes[f"{norm}.{name}_reparam.lower_bound.bound"] = (1,)
    for i in range(len(config.continuous.slices)):
        shapes[f"local_context.{i}.relative_position_index"] = (LOCAL_WINDOW**2, LOCAL_WINDOW**2)
    return shapes


def _modernise(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    if _GENERATION_2023 in tensors:
        raise WeightsError("MLIC++ weights of the 2023 generation, whose networks are larger: not supported")
    for key in [k for k in tensors if k.startswith("entropy_bottleneck._")]:
        for old, new in _OLD_BOTTLENECK.items():
            if old in key:
                tensors[key.replace(old, new)] = tensors.pop(key)
    return tensors


def _value(key: str, value: Tensor) -> Tensor:
    name = key.rsplit(".", 1)[-1]
    if name not in _SMALLEST:
        return value
    return value.clamp_min((_SMALLEST[name] + _PEDESTAL) ** 0.5).square() - _PEDESTAL


MLICPP = Source(name="mlicpp", public_key=_public_key, unused=_unused, modernise=_modernise, value=_value)
