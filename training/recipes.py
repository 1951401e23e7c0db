"""One recipe a stage: its configuration, what it trains, and its loss.

The stages of HybridFlow suppl. §1, preceded by those that its public checkpoints stand for:

    continuous       the continuous stream alone
    tokenizer        the VQGAN alone
    predictor        masked pre-training, tokens alone (MAGE)
    mage-c           the same with a contrastive loss between views of a picture (MAGE-C)
    predictor-cross  the predictor with the CrossAttention on the continuous stream
    decoder          the correction network and its bridge, on predicted maps, everything else frozen
    codes            tokenizer and pixel decoder together, where the tokenizer complements the restoration
    joint            all that paints, and the predictor; the continuous stream as well, unless it is frozen
    contexts         context model and hyper-prior alone, for latents that stay as they are
    indices          the index model alone, for latents and codes that stay as they are
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from torch import nn

from ulbic.codec.networks import TorchNetworks
from ulbic.codec.tradeoff import Tradeoff
from ulbic.errors import WeightsError
from ulbic.models.contrast import ContrastConfig, ContrastHead
from ulbic.models.model import UlbicModel
from ulbic.models.predictor import MaskPredictor

from .config import TrainConfig
from .continuous_stage import continuous_loss
from .contrast_stage import mage_c_loss
from .distributed import Loss
from .index_stage import index_loss
from .joint_stage import PainterParts, codes_loss, joint_loss
from .losses import PerceptualLoss
from .predictor_stage import LENGTH, predictor_loss
from .tokenizer_stage import CodebookKeeper, tokenizer_loss


class Task(NamedTuple):
    """A stage bound to a model."""

    state: nn.Module  # all that must be saved to resume, the model among it
    parameters: list[nn.Parameter]  # what the optimiser moves
    loss: Loss


@dataclass(frozen=True)
class Recipe:
    """A stage's configuration for each preset, and how it binds to a model."""

    tiny: TrainConfig
    base: TrainConfig
    bind: Callable[[UlbicModel, TrainConfig], Task]
    pairs: bool = False  # rows 2 i and 2 i + 1 of a batch are views of one picture

    def config(self, preset: str) -> TrainConfig:
        """The configuration for "tiny", or for "base" and "large"."""
        return self.tiny if preset == "tiny" else self.base


def _bind_continuous(model: UlbicModel, config: TrainConfig) -> Task:
    networks, prior = TorchNetworks(model), model.continuous.prior
    parameters = list(model.continuous.parameters())
    return Task(model.continuous, parameters, lambda x, p: continuous_loss(networks, prior, x, config, p))


def _bind_tokenizer(model: UlbicModel, config: TrainConfig) -> Task:
    tokenizer, keeper = model.tokenizer, CodebookKeeper(model.tokenizer.quantize)
    perceptual = PerceptualLoss(config.lpips_net)
    parameters = [*tokenizer.encoder.parameters(), *tokenizer.decoder.parameters()]
    return Task(
        nn.ModuleDict({"model": model, "keeper": keeper}),
        parameters,
        lambda x, _: tokenizer_loss(tokenizer, keeper, perceptual, x, config),
    )


def _bind_predictor(model: UlbicModel, config: TrainConfig) -> Task:
    networks, prior = TorchNetworks(model), model.continuous.prior
    parameters = _tokens_alone(model.predictor)
    return Task(model, parameters, lambda x, _: predictor_loss(networks, prior, x, config))


def _tokens_alone(predictor: MaskPredictor) -> list[nn.Parameter]:
    """What the predictor uses without assistance."""
    named = predictor.named_parameters()
    return [p for name, p in named if not name.startswith("assist") and ".cross." not in name]


def _bind_mage_c(model: UlbicModel, config: TrainConfig) -> Task:
    """The head is left behind with the stage's state: only training needs it."""
    head = ContrastHead(ContrastConfig(width=model.config.predictor.width))
    return Task(
        nn.ModuleDict({"model": model, "head": head}),
        [*_tokens_alone(model.predictor), *head.parameters()],
        lambda x, _: mage_c_loss(model, head, x, config),
    )


def _bind_predictor_cross(model: UlbicModel, config: TrainConfig) -> Task:
    """`tiny` trains all of the predictor; the others what HybridFlow suppl. §1.1 names."""
    predictor = model.predictor
    if model.config.name != "tiny":
        block = predictor.decoder_blocks[model.config.predictor.cross_block]
        parts: list[nn.Module] = [block.cross, block.mlp, predictor.mlm_layer, predictor.assist_embed]  # type: ignore[list-item]
        parameters = [*(p for part in parts for p in part.parameters()), predictor.assist_pos]
    else:
        parameters = list(predictor.parameters())
    parameters += [p for name, p in model.bridge.named_parameters() if not name.startswith("correction")]
    networks, prior = TorchNetworks(model), model.continuous.prior
    return Task(model, parameters, lambda x, _: predictor_loss(networks, prior, x, config))


def _bind_decoder(model: UlbicModel, config: TrainConfig) -> Task:
    parameters = [*model.correction.parameters()]
    parameters += [p for name, p in model.bridge.named_parameters() if not name.startswith("assist")]
    return _joint_task(model, parameters, config)


def _bind_joint(model: UlbicModel, config: TrainConfig) -> Task:
    frozen = [model.tokenizer.encoder, model.tokenizer.quantize, model.index_model]
    return _joint_task(model, _without(model, config, frozen), config)


def _bind_codes(model: UlbicModel, config: TrainConfig) -> Task:
    """All that paints but the codes themselves, which move by averages."""
    assist = getattr(model.bridge, "assist", None)  # which only "separate" has
    frozen = [model.tokenizer.quantize, model.index_model, model.predictor, assist]
    codes = config.batch * LENGTH / model.config.tokenizer.codes  # features a step that each stands for
    keeper = CodebookKeeper(model.tokenizer.quantize, trust=codes)
    parts = PainterParts(TorchNetworks(model), model, PerceptualLoss(config.lpips_net))
    return Task(
        nn.ModuleDict({"model": model, "keeper": keeper}),
        _without(model, config, frozen),
        lambda x, _: codes_loss(parts, keeper, x, config),
    )


def _without(model: UlbicModel, config: TrainConfig, parts: Sequence[nn.Module | None]) -> list[nn.Parameter]:
    """The model's parameters without those of some parts, and of the continuous stream if it is frozen."""
    if config.frozen_stream:
        parts = [*parts, model.continuous]
    frozen = {p for part in parts if part is not None for p in part.parameters()}
    return [p for p in model.parameters() if p not in frozen]


def _joint_task(model: UlbicModel, parameters: list[nn.Parameter], config: TrainConfig) -> Task:
    parts = PainterParts(TorchNetworks(model), model, PerceptualLoss(config.lpips_net))
    return Task(model, parameters, lambda x, _: joint_loss(parts, x, config))


def _bind_contexts(model: UlbicModel, config: TrainConfig) -> Task:
    """All but the latent residual prediction: the decoders get the latents that they have learnt with."""
    stream = model.continuous
    parts = (stream.context, stream.h_a, stream.prior)
    named = (pair for part in parts for pair in part.named_parameters())
    parameters = [p for name, p in named if "residual_prediction" not in name]
    networks = TorchNetworks(model)
    return Task(stream, parameters, lambda x, p: continuous_loss(networks, stream.prior, x, config, p))


def _bind_indices(model: UlbicModel, config: TrainConfig) -> Task:
    """State is the index model alone, so that other weights may be exchanged under it.

    Raises:
        WeightsError: the model has none.
    """
    if model.index_model is None:
        raise WeightsError("these weights have no index model")
    networks, prior, output = TorchNetworks(model), model.continuous.prior, model.index_model.output
    parameters = list(model.index_model.parameters())
    return Task(model.index_model, parameters, lambda x, _: index_loss(networks, prior, output, x))


def bind(stage: str, model: UlbicModel, config: TrainConfig) -> Task:
    """Freezes all of the model but what the stage trains."""
    task = RECIPES[stage].bind(model, config)
    model.requires_grad_(False)
    task.state.requires_grad_(False)
    for parameter in task.parameters:
        parameter.requires_grad_(True)
    return task


_MLIC = TrainConfig(batch=8, learning_rate=1e-4, warmup=0.01, weight_decay=0.0, grad_clip=1.0)
MAGE = TrainConfig(batch=4096, learning_rate=1.5e-4, warmup=40 / 1600)  # MAGE, table 10
# HybridFlow, suppl. §1.1: 20 epochs, 8 GPUs; §1.2: 25 epochs
_CROSS = TrainConfig(batch=10, learning_rate=5e-4, warmup=2 / 20)
_PIXELS = TrainConfig(batch=12, learning_rate=4e-5, warmup=1 / 25, lpips_net="alex")
_TRADEOFF = Tradeoff()  # of `tiny`, as the encoder anneals by it
_JOINT = TrainConfig(
    batch=8,
    learning_rate=2.5e-4,
    warmup=0.02,
    continuous_dropout=0.08,
    l1_weight=0.0,
    squared_weight=100.0,
    lpips_weight=2.75,
    structure_weight=1.0,
    grain_weight=0.05,
    mesh_weight=0.015,
    frozen_stream=True,
    rate_weights=_TRADEOFF.rate_weights,
)

RECIPES = {
    "continuous": Recipe(
        tiny=TrainConfig(
            batch=16,
            learning_rate=8e-4,
            warmup=0.02,
            weight_decay=0.0,
            l1_weight=0.0,
            squared_weight=_TRADEOFF.squared_weight,
            rate_weights=_TRADEOFF.rate_weights,
        ),
        base=_MLIC,
        bind=_bind_continuous,
    ),
    "tokenizer": Recipe(
        tiny=TrainConfig(batch=8, learning_rate=5e-4, warmup=0.03),
        base=TrainConfig(batch=256, learning_rate=1e-4, warmup=0.01, lpips_net="alex"),
        bind=_bind_tokenizer,
    ),
    "predictor": Recipe(
        tiny=TrainConfig(batch=32, learning_rate=1e-3, warmup=0.03, continuous_dropout=1.0),
        base=TrainConfig(**{**vars(MAGE), "continuous_dropout": 1.0}),
        bind=_bind_predictor,
    ),
    "mage-c": Recipe(
        tiny=TrainConfig(batch=64, learning_rate=1e-3, warmup=0.03, mask_ratio_max=0.6),
        base=replace(MAGE, batch=2 * MAGE.batch, mask_ratio_max=0.6),  # as many pictures
        bind=_bind_mage_c,
        pairs=True,
    ),
    "predictor-cross": Recipe(
        tiny=TrainConfig(batch=32, learning_rate=1e-3, warmup=0.03, continuous_dropout=0.15),
        base=_CROSS,
        bind=_bind_predictor_cross,
    ),
    "decoder": Recipe(
        tiny=TrainConfig(batch=8, learning_rate=4e-4, warmup=0.03, continuous_dropout=0.08),
        base=_PIXELS,
        bind=_bind_decoder,
    ),
    "codes": Recipe(tiny=_JOINT, base=_PIXELS, bind=_bind_codes),
    "joint": Recipe(tiny=replace(_JOINT, prediction_share=0.25), base=_PIXELS, bind=_bind_joint),
    "contexts": Recipe(
        tiny=TrainConfig(
            batch=16,
            learning_rate=1.5e-3,
            warmup=0.03,
            l1_weight=0.0,
            squared_weight=_TRADEOFF.squared_weight,
            rate_weights=_TRADEOFF.rate_weights,
        ),
        base=_MLIC,
        bind=_bind_contexts,
    ),
    "indices": Recipe(
        tiny=TrainConfig(batch=16, learning_rate=2e-3, warmup=0.03, weight_decay=0.01, grad_clip=1.0),
        base=TrainConfig(batch=16, learning_rate=2e-3, warmup=0.03, weight_decay=0.01, grad_clip=1.0),
        bind=_bind_indices,
    ),
}
