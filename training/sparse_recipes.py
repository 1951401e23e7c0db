"""Recipes of the two systems that choose where codes are spent (docs/sparse.md).

    mq-vae          the masked quantiser
    stackformer     its prior; `--init` names the MQ-VAE's weights
    dq-vae          the dynamic quantiser
    dq-transformer  its prior; `--init` names the DQ-VAE's weights

The papers' recipes are those of the supplements ("Training Details"), for eight GPUs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from ulbic.errors import InputError
from ulbic.models.sparse import config as presets
from ulbic.models.sparse.config import SparseConfig
from ulbic.models.sparse.dqtransformer import DqTransformer
from ulbic.models.sparse.dqvae import DqVae
from ulbic.models.sparse.mqvae import MqVae
from ulbic.models.sparse.networks import SparseNetwork
from ulbic.models.sparse.stackformer import Stackformer

from .adversarial import PatchDiscriminator
from .config import TrainConfig
from .losses import PerceptualLoss
from .recipes import Task
from .sparse_stages import dq_transformer_loss, dq_vae_loss, mq_vae_loss, stackformer_loss


@dataclass(frozen=True)
class SparseRecipe:
    """A stage's configurations, the network of each preset, and how the two are bound."""

    tiny: TrainConfig
    base: TrainConfig
    networks: dict[str, SparseConfig]
    bind: Callable[[SparseNetwork, SparseNetwork | None, TrainConfig], Task]
    first_stage: str | None = None  # that a prior stands on

    def config(self, preset: str) -> TrainConfig:
        """The configuration for "tiny", or for "base" and "large"."""
        return self.tiny if preset == "tiny" else self.base


def _bind_first_stage(network: SparseNetwork, _: SparseNetwork | None, config: TrainConfig) -> Task:
    assert isinstance(network, (MqVae, DqVae))
    perceptual = PerceptualLoss(config.lpips_net)
    discriminator = PatchDiscriminator() if config.adversarial_weight else None
    state = nn.ModuleDict({"network": network})
    if discriminator is not None:
        state["discriminator"] = discriminator
    network.requires_grad_(True).quantize.requires_grad_(False)
    parameters = [p for p in state.parameters() if p.requires_grad]
    if isinstance(network, MqVae):
        return Task(
            state, parameters, lambda x, _: mq_vae_loss(network, discriminator, perceptual, x, config)
        )
    return Task(state, parameters, lambda x, _: dq_vae_loss(network, discriminator, perceptual, x, config))


def _bind_prior(network: SparseNetwork, first_stage: SparseNetwork | None, _: TrainConfig) -> Task:
    parameters = list(network.requires_grad_(True).parameters())
    if isinstance(network, Stackformer) and isinstance(first_stage, MqVae):
        frozen = first_stage.eval().requires_grad_(False).to(parameters[0].device)
        return Task(network, parameters, lambda x, _: stackformer_loss(network, frozen, x))
    if isinstance(network, DqTransformer) and isinstance(first_stage, DqVae):
        still = first_stage.eval().requires_grad_(False).to(parameters[0].device)
        return Task(network, parameters, lambda x, _: dq_transformer_loss(network, still, x))
    raise InputError("--init must name the weights of the first stage that this prior is for")


_FIRST_STAGE = {"betas": (0.5, 0.9), "weight_decay": 0.0, "l1_weight": 1.0, "lpips_weight": 1.0}
_PAPER_RATE = 64 * 4.5e-6  # 8 a GPU; the base rate times the pictures of a step, as in VQGAN
_TINY_FIRST_STAGE = TrainConfig(
    batch=8, learning_rate=5e-4, warmup=0.03, betas=(0.5, 0.9), weight_decay=0.0, l1_weight=4.0
)
_PRIOR = TrainConfig(batch=80, learning_rate=5e-4, warmup=0.0, weight_decay=0.01)  # 10 a GPU
_TINY_PRIOR = TrainConfig(batch=32, learning_rate=1e-3, warmup=0.03, weight_decay=0.01)

SPARSE_RECIPES = {
    "mq-vae": SparseRecipe(
        tiny=_TINY_FIRST_STAGE,
        base=TrainConfig(
            batch=64,
            learning_rate=_PAPER_RATE,
            warmup=5 / 150,  # epochs on FFHQ
            lpips_net="vgg",
            adversarial_weight=0.75,
            adversarial_cap=1.0,
            **_FIRST_STAGE,  # type: ignore[arg-type]
        ),
        networks={"tiny": presets.TINY_MQ_VAE, "base": presets.MQ_VAE, "large": presets.MQ_VAE},
        bind=_bind_first_stage,
    ),
    "stackformer": SparseRecipe(
        tiny=_TINY_PRIOR,
        base=_PRIOR,
        networks={
            "tiny": presets.TINY_STACKFORMER,
            "base": presets.STACKFORMER,
            "large": presets.STACKFORMER_LARGE,
        },
        bind=_bind_prior,
        first_stage="mq-vae",
    ),
    "dq-vae": SparseRecipe(
        tiny=_TINY_FIRST_STAGE,
        base=TrainConfig(
            batch=64,
            learning_rate=_PAPER_RATE,
            warmup=5 / 150,
            lpips_net="vgg",
            adversarial_weight=0.75,
            adversarial_cap=0.75,
            **_FIRST_STAGE,  # type: ignore[arg-type]
        ),
        networks={"tiny": presets.TINY_DQ_VAE, "base": presets.DQ_VAE, "large": presets.DQ_VAE_TRIPLE},
        bind=_bind_first_stage,
    ),
    "dq-transformer": SparseRecipe(
        tiny=_TINY_PRIOR,
        base=_PRIOR,
        networks={
            "tiny": presets.TINY_DQ_TRANSFORMER,
            "base": presets.DQ_TRANSFORMER,
            "large": presets.DQ_TRANSFORMER_LARGE,
        },
        bind=_bind_prior,
        first_stage="dq-vae",
    ),
}
