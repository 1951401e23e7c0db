"""Configurations of every part, and the presets: `TINY` (bundled), `BASE` and `LARGE` (the papers' scale).

Sizes in comments are those of one 256x256 window, the unit all seeds are written in.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, replace
from typing import Literal

PUBLIC_SOURCES = ("mage-vqgan", "mage-vit", "mlicpp")  # checkpoints that `models.adapters` converts
TOKEN_STRIDE = 16  # one index covers 16x16 pixels
LATENT_STRIDE = 32  # one continuous latent covers 32x32 pixels: 2 by down-sampling, 16 by the analysis
PLACES = ((0, 0), (1, 1), (0, 1), (1, 0))  # row and column of a latent's four indices
HIDDEN_STEPS = 16  # in 1, of the hidden values of the index model by which symbols are decided
WINDOW = 16  # side, in indices, of the window that the mask predictor works on

Norm = Literal["group", "channel"]
Precision = Literal["float32", "bfloat16"]
Context = Literal["convolution", "attention"]  # MLIC++'s own are "attention"
Bridge = Literal["linear", "shared", "separate"]  # Test 1, Test 2, Test 3 of HybridFlow suppl. §2


def latent_size(width: int, height: int) -> tuple[int, int]:
    """Rows and columns of the latents of a picture."""
    return -(-height // LATENT_STRIDE), -(-width // LATENT_STRIDE)


def token_size(width: int, height: int) -> tuple[int, int]:
    """Rows and columns of the index map of a picture."""
    return -(-height // TOKEN_STRIDE), -(-width // TOKEN_STRIDE)


@dataclass(frozen=True, kw_only=True)
class PyramidConfig:
    """A convolutional encoder, or the decoder that mirrors it (MAGE §3, "Tokenizer and Detokenizer").

    `widths` are the channels of each resolution, finest first; between two of them lies a factor 2.
    `stem` is the space-to-depth (encoder) or pixel-shuffle (decoder) factor in front of the finest
    level: full-resolution convolutions are what a CPU cannot pay.
    """

    widths: tuple[int, ...] = (128, 128, 256, 256, 512)
    blocks: int = 2  # residual blocks a level
    middle_blocks: int = 2
    stem: int = 1
    smooth: bool = False  # up-sample bilinearly, and filter what the pixel shuffle gives
    norm: Norm = "group"  # "channel" is local, so that windows and whole images agree
    shortcut_on_output: bool = True  # MAGE's 1x1 shortcut sees the block's output, not its input


@dataclass(frozen=True, kw_only=True)
class ContinuousConfig:
    """MLIC++, or with convolutional contexts its like, on the image down-sampled 4x in area.

    y is 8x8xlatents, z 2x2xhyper_channels.
    """

    latents: int = 320
    analysis_channels: int = 192
    synthesis_channels: tuple[int, ...] = (192, 192, 192)  # of each doubling of the resolution
    hyper_channels: int = 192
    hyper_synthesis: tuple[int, int] = (320, 480)
    slices: tuple[int, ...] = (32,) * 10  # channels of each; the first ones are coded first
    context: Context = "convolution"
    phases: int = 2  # the cells of a slice are coded in, each phase twice as many; "attention" has two
    context_channels: int = 64  # of the convolutional checkerboard and channel contexts
    parameter_channels: int = 256  # likewise; the sizes of "attention" are MLIC++'s
    stem: int = 1
    head: int = 2  # last enlargement of g_s; all together give 16, or 32 for a restoration of full size
    head_channels: tuple[int, ...] = ()  # of light doublings before the head
    smooth: bool = False  # filter what the last pixel shuffle gives, and the enlarged restoration
    gains: int = 1  # rate points served by one model; 1 = no gain vectors
    lapped: bool = False  # g_a and g_s correct a lapped transform of 16x16 blocks

    @property
    def full_size(self) -> bool:
        """Whether g_s gives the restoration in the picture's own size instead of half of it."""
        doublings = len(self.synthesis_channels) + len(self.head_channels)
        return 2**doublings * self.head == LATENT_STRIDE


@dataclass(frozen=True, kw_only=True)
class TokenizerConfig:
    """VQGAN: 16x16 indices, each one of `codes` vectors of `dim` channels."""

    codes: int = 1024
    dim: int = 256
    complements: bool = False  # the encoder sees the restoration too, and says what that one does not
    encoder: PyramidConfig = PyramidConfig()
    decoder: PyramidConfig = PyramidConfig()


@dataclass(frozen=True, kw_only=True)
class PredictorConfig:
    """MAGE ViT over 256 indices and one class token, with one cross-attended decoder block."""

    codes: int = 1024
    vocabulary: int = 2025  # 1024 codes, 1000 ImageNet classes, the mask: a legacy of the JAX original
    mask_id: int = 2024
    class_id: int = 1100
    width: int = 768
    depth: int = 12
    heads: int = 12
    decoder_width: int = 768
    decoder_depth: int = 8
    decoder_heads: int = 16
    cross_block: int = 4  # the decoder block that receives the CrossAttention
    dropout: float = 0.1
    head_norm_eps: float = 1e-6  # of the MlmLayer; the public MAGE code has PyTorch's default there, 1e-5


@dataclass(frozen=True, kw_only=True)
class BridgeConfig:
    """How the continuous stream reaches the predictor and the pixel decoder."""

    kind: Bridge = "separate"
    channels: int = 256  # of the feature map given to the correction network
    skips: int = 0  # finest levels of the correction network that see the restoration itself
    finish_channels: int = 0  # of a light stage at half of the picture's size, behind both; 0 = none
    encoder: PyramidConfig = PyramidConfig(widths=(64, 128, 256, 256, 256), blocks=1)


@dataclass(frozen=True, kw_only=True)
class IndexModelConfig:
    """The probabilities of sent indices, given the decoded latents and the indices sent before."""

    width: int = 128
    depth: int = 3  # residual convolutions on the latents' grid
    embedding: int = 16  # channels of a known index
    hidden: int = 64  # values that give the logits


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """One model: every part's configuration."""

    name: str
    continuous: ContinuousConfig = field(default_factory=ContinuousConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    predictor: PredictorConfig = field(default_factory=PredictorConfig)
    bridge: BridgeConfig = field(default_factory=BridgeConfig)
    index_model: IndexModelConfig | None = None  # None: one table for all indices
    restoration_blend: float = 0.0  # share of the restoration in the output picture
    precision: Precision = "float32"  # of the networks that no symbol is decoded by

    def to_json(self) -> str:
        """Canonical JSON, kept in the weight file's metadata."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> ModelConfig:
        """The inverse of `to_json`.

        Raises:
            TypeError: a field is missing or unknown.
        """
        raw = json.loads(text)
        tokenizer, bridge = raw["tokenizer"], raw["bridge"]
        pyramids = {part: PyramidConfig(**_tupled(tokenizer[part])) for part in ("encoder", "decoder")}
        return cls(
            name=raw["name"],
            continuous=ContinuousConfig(**_tupled(raw["continuous"])),
            tokenizer=TokenizerConfig(**{**tokenizer, **pyramids}),
            predictor=PredictorConfig(**raw["predictor"]),
            bridge=BridgeConfig(**{**bridge, "encoder": PyramidConfig(**_tupled(bridge["encoder"]))}),
            index_model=IndexModelConfig(**raw["index_model"]) if raw.get("index_model") else None,
            restoration_blend=raw["restoration_blend"],
            precision=raw.get("precision", "float32"),
        )


def _tupled(fields: dict) -> dict:
    if isinstance(fields.get("slices"), int):  # weights before 2026-11-21
        count = fields["slices"]
        fields = {**fields, "slices": [fields["latents"] // count] * count}
        fields["synthesis_channels"] = [fields["synthesis_channels"]] * (4 - int(math.log2(fields["head"])))
    return {key: tuple(v) if isinstance(v, list) else v for key, v in fields.items()}


def _narrow(widths: tuple[int, ...], *, blocks: int, middle_blocks: int) -> PyramidConfig:
    return PyramidConfig(
        widths=widths,
        blocks=blocks,
        middle_blocks=middle_blocks,
        stem=4,
        smooth=True,
        norm="channel",
        shortcut_on_output=False,
    )


BASE = ModelConfig(
    name="base",
    continuous=ContinuousConfig(context="attention"),
    predictor=PredictorConfig(head_norm_eps=1e-5),
    precision="bfloat16",
)

LARGE = replace(  # with MAGE ViT-L
    BASE,
    name="large",
    predictor=replace(
        BASE.predictor, width=1024, depth=24, heads=16, decoder_width=1024, decoder_depth=8, decoder_heads=16
    ),
)

TINY = ModelConfig(
    name="tiny",
    continuous=ContinuousConfig(
        latents=96,
        analysis_channels=80,
        synthesis_channels=(48, 48),
        hyper_channels=48,
        hyper_synthesis=(48, 48),
        slices=(8, 8, 16, 32, 32),
        phases=3,
        context_channels=48,
        parameter_channels=96,
        stem=4,
        head=2,
        head_channels=(24, 8),
        smooth=True,
        gains=12,
        lapped=True,
    ),
    tokenizer=TokenizerConfig(
        dim=32,
        encoder=_narrow((32, 64, 112), blocks=1, middle_blocks=1),
        decoder=_narrow((48, 96, 112), blocks=2, middle_blocks=1),
    ),
    predictor=PredictorConfig(
        vocabulary=1026,
        mask_id=1024,
        class_id=1025,
        width=152,
        depth=4,
        heads=4,
        decoder_width=152,
        decoder_depth=3,
        decoder_heads=4,
        cross_block=0,
        dropout=0.0,
    ),
    bridge=BridgeConfig(
        channels=112, skips=2, finish_channels=32, encoder=_narrow((32, 64, 96), blocks=1, middle_blocks=0)
    ),
    index_model=IndexModelConfig(),
    restoration_blend=0.5,
)

PRESETS = {"tiny": TINY, "base": BASE, "large": LARGE}
