"""Configurations of the four networks, and their presets: the papers' scale, and `TINY_...` for a CPU.

Sizes in comments are those of one 256x256 picture.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from ulbic.models.config import Norm

Selection = Literal["learnt", "random", "regular"]
Score = Literal["convolution", "linear"]
StackOrder = Literal["code-first", "position-first"]
FineOrder = Literal["row-first", "region-first"]
Router = Literal["feature", "entropy", "regular"]


@dataclass(frozen=True, kw_only=True)
class TrunkConfig:
    """A VQGAN encoder with attention, or the decoder that mirrors it.

    `widths` are the channels of each resolution, finest first; between two of them lies a factor 2.
    """

    widths: tuple[int, ...]
    attention: tuple[int, ...]  # levels, 0 = the finest, with attention after each residual block
    blocks: int = 2  # residual blocks a level; decoders have one more
    stem: int = 1  # space-to-depth, or pixel-shuffle, in front of the finest level
    norm: Norm = "group"
    smooth: bool = False  # up-sample bilinearly, and filter what the pixel shuffle gives

    @property
    def stride(self) -> int:
        """Pixels a side that one position of the coarsest level covers."""
        return self.stem * 2 ** (len(self.widths) - 1)


@dataclass(frozen=True, kw_only=True)
class MqVaeConfig:
    """Masked quantiser (MQ-VAE, Huang 2023): the codes of the positions with the highest scores."""

    encoder: TrunkConfig = TrunkConfig(widths=(128, 128, 256, 256), attention=(3,))
    decoder: TrunkConfig = TrunkConfig(widths=(128, 128, 256, 256), attention=(3,))
    features: int = 256  # channels that the encoder gives
    codes: int = 1024
    dim: int = 256
    kept: float = 0.30  # share of the positions; 307 of 1024
    score: Score = "convolution"
    selection: Selection = "learnt"  # the others are what it must beat
    demask_blocks: int = 8
    mask_value: float = 0.02  # weight of a dropped position in the first attention of the de-masker


@dataclass(frozen=True, kw_only=True)
class DqVaeConfig:
    """Dynamic quantiser (DQ-VAE, Huang 2023): few codes for calm regions, many for busy ones.

    The last two (or three) levels of the encoder are the granularities.
    """

    encoder: TrunkConfig = TrunkConfig(widths=(128, 128, 256, 256, 512), attention=(3, 4))
    decoder: TrunkConfig = TrunkConfig(widths=(128, 128, 256, 256), attention=(3,))
    granularities: int = 2  # or 3
    features: int = 256
    codes: int = 1024
    dim: int = 256
    router: Router = "feature"  # "regular", a lattice, is what the others must beat
    router_groups: int = 32  # of its GroupNorm
    entropy_threshold: float = 0.0  # nats; regions above it are fine. `entropy_threshold` computes it
    position_side: int = 32  # of the decoder's position tables; 0 = none, and then pictures of any size
    target_shares: tuple[float, ...] = (0.5,)  # of the regions, for each granularity finer than the coarsest
    budget_weights: tuple[float, ...] = (10.0,)  # lambda, likewise

    def __post_init__(self) -> None:
        if self.router != "feature" and self.granularities != 2:
            raise ValueError(f"the {self.router} router knows two granularities")


@dataclass(frozen=True, kw_only=True)
class StackConfig:
    """What every causal transformer here has."""

    width: int = 1024
    heads: int = 16
    code_layers: int = 18
    position_layers: int = 6
    block_size: int = 1024  # elements of the longest sequence
    dropout: float = 0.1


@dataclass(frozen=True, kw_only=True)
class StackformerConfig:
    """Prior of MQ-VAE's pairs of code and position (Stackformer)."""

    stack: StackConfig = StackConfig()
    codes: int = 1024
    positions: int = 1024
    order: StackOrder = "code-first"


@dataclass(frozen=True, kw_only=True)
class DqTransformerConfig:
    """Prior of DQ-VAE's codes, coarse to fine (DQ-Transformer)."""

    stack: StackConfig = StackConfig(heads=8, block_size=2048)
    codes: int = 1024
    coarse_side: int = 16
    fine_order: FineOrder = "row-first"

    @property
    def fine_side(self) -> int:
        return 2 * self.coarse_side


SparseConfig = MqVaeConfig | DqVaeConfig | StackformerConfig | DqTransformerConfig

MQ_VAE = MqVaeConfig()
DQ_VAE = DqVaeConfig()
DQ_VAE_TRIPLE = replace(
    DQ_VAE,
    encoder=TrunkConfig(widths=(128, 128, 256, 256, 512, 512), attention=(3, 4, 5)),
    granularities=3,
    target_shares=(0.3, 0.3),
    budget_weights=(1.0, 1.0),
)
STACKFORMER = StackformerConfig()  # suppl. table 2
STACKFORMER_PUBLIC = replace(STACKFORMER, stack=StackConfig(code_layers=12, position_layers=12))
STACKFORMER_LARGE = replace(STACKFORMER, stack=StackConfig(code_layers=36, position_layers=12))
DQ_TRANSFORMER = DqTransformerConfig()
DQ_TRANSFORMER_LARGE = replace(DQ_TRANSFORMER, stack=StackConfig(heads=8, block_size=2048, code_layers=42))

_TINY_ENCODER = TrunkConfig(widths=(32, 64, 96), attention=(2,), blocks=1, stem=4, norm="channel")
_TINY_STACK = StackConfig(width=128, heads=4, code_layers=4, position_layers=2, block_size=288, dropout=0.0)

TINY_MQ_VAE = MqVaeConfig(  # 64 of 16x16 positions
    encoder=_TINY_ENCODER,
    decoder=_TINY_ENCODER,
    features=96,
    dim=32,
    kept=0.25,
    demask_blocks=3,
)
TINY_DQ_VAE = DqVaeConfig(  # a code for a region of 32x32 pixels, or four
    encoder=replace(_TINY_ENCODER, widths=(32, 64, 96, 96), attention=(2, 3)),
    decoder=_TINY_ENCODER,
    features=96,
    dim=32,
    position_side=0,
)
TINY_STACKFORMER = StackformerConfig(stack=_TINY_STACK, positions=256)
TINY_DQ_TRANSFORMER = DqTransformerConfig(stack=_TINY_STACK, coarse_side=8)


def to_json(config: SparseConfig) -> str:
    """Canonical JSON with the kind of the network, for the metadata of a weight file."""
    fields = {"kind": type(config).__name__, **asdict(config)}
    return json.dumps(fields, sort_keys=True, separators=(",", ":"))


def from_json(text: str) -> SparseConfig:
    """The inverse of `to_json`.

    Raises:
        KeyError: an unknown kind; TypeError: a field is unknown; ValueError: no JSON.
    """
    raw = _tupled(json.loads(text))
    kinds: dict[str, Callable[..., SparseConfig]] = {
        kind.__name__: kind for kind in (MqVaeConfig, DqVaeConfig, StackformerConfig, DqTransformerConfig)
    }
    make = kinds[raw.pop("kind")]
    for key in {"encoder", "decoder"} & raw.keys():
        raw[key] = TrunkConfig(**_tupled(raw[key]))
    if "stack" in raw:
        raw["stack"] = StackConfig(**raw["stack"])
    return make(**raw)


def _tupled(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
