"""The fixtures computed with the public reference implementations, and the small models they belong to."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from safetensors import safe_open
from support import SHARED, needs_shared

from ulbic.models.adapters import SOURCES
from ulbic.models.adapters.reading import read_public
from ulbic.models.config import BASE, TINY, ModelConfig, PyramidConfig
from ulbic.models.model import UlbicModel

FOLDER = SHARED / "reference"
__all__ = ["FOLDER", "Fixture", "load", "needs_shared"]


class Fixture(NamedTuple):
    """A reference model as ours, and its recorded inputs and outputs."""

    model: UlbicModel
    arrays: dict[str, torch.Tensor]


def load(source: str, name: str) -> Fixture:
    """The small reference model `name`, converted by the adapter of `source`, eval mode, float32."""
    with safe_open(FOLDER / f"{name}.safetensors", "pt") as file:
        config = small_config(name, file.metadata())
    converted = SOURCES[source].convert(read_public(FOLDER / f"{name}.safetensors"), config)
    torch.manual_seed(0)
    model = UlbicModel(config).eval().requires_grad_(False)
    assert not model.load_state_dict(converted, strict=False).unexpected_keys
    arrays = np.load(FOLDER / f"{name}_io.npz")
    return Fixture(model, {key: torch.from_numpy(arrays[key]) for key in arrays})


def small_config(name: str, metadata: dict[str, str]) -> ModelConfig:
    """One part of `BASE`, at the sizes that the fixture's metadata names; `TINY` around it."""
    if name == "mage_vqgan_small":
        raw = json.loads(metadata["ddconfig"])
        pyramid = PyramidConfig(widths=tuple(raw["ch"] * m for m in raw["ch_mult"]))
        codes, dim = int(metadata["n_embed"]), int(metadata["embed_dim"])
        tokenizer = replace(BASE.tokenizer, codes=codes, dim=dim, encoder=pyramid, decoder=pyramid)
        return replace(TINY, tokenizer=tokenizer)
    raw = json.loads(metadata["config"])
    if name == "mage_vit_small":
        sizes = {
            "width": "embed_dim",
            "depth": "depth",
            "heads": "num_heads",
            "decoder_width": "decoder_embed_dim",
            "decoder_depth": "decoder_depth",
            "decoder_heads": "decoder_num_heads",
        }
        fields = {ours: raw[theirs] for ours, theirs in sizes.items()}
        return replace(TINY, predictor=replace(BASE.predictor, cross_block=0, **fields))
    n, m = raw["N"], raw["M"]
    return replace(
        TINY,
        continuous=replace(
            BASE.continuous,
            latents=m,
            analysis_channels=n,
            synthesis_channels=(n,) * 3,
            hyper_channels=n,
            hyper_synthesis=(m, m * 3 // 2),
            slices=(m // raw["slice_num"],) * raw["slice_num"],
        ),
    )
