"""What the two papers of docs/sparse.md claim, as networks to be held against one another.

    python -m ulbic.training claims --seconds 120 --prior-seconds 60 --output runs/sparse

trains all of them for the same CPU seconds of this process, in turns, so that other work on the machine
slows all alike. The same command goes on where it was broken off; fewer seconds end all of them at the turn
that they have reached. What they are worth: `python -m ulbic.benchmarks.experiments.sparse_claims`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ulbic.codec.profiles import DEFAULT_MODEL, PROFILES
from ulbic.errors import InputError
from ulbic.models.checkpoint import load_checkpoint
from ulbic.models.sparse import config as presets
from ulbic.models.sparse.config import DqVaeConfig, MqVaeConfig, SparseConfig, TrunkConfig
from ulbic.models.sparse.dqtransformer import DqTransformer
from ulbic.models.sparse.dqvae import DqVae, DualCodes
from ulbic.models.sparse.files import load_network, save_network
from ulbic.models.sparse.mqvae import MqVae, Pairs
from ulbic.models.sparse.networks import SparseNetwork, build
from ulbic.models.sparse.stackformer import Stackformer
from ulbic.models.tokenizer import Tokenizer

from .config import TrainConfig
from .data import Crops, PictureStore
from .loop import Budget, train
from .recipes import Task
from .run import RunSetup, fit, flushed_denormals, start
from .sparse_recipes import SPARSE_RECIPES
from .sparse_stages import dq_transformer_terms, stackformer_terms
from .sparse_start import start_from_tokenizer

MEDIAN_ENTROPY = 2.141  # nats, of 8192 regions of 32x32 pixels in training crops
CODED = 512  # crops whose codes the priors learn


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A network to be trained."""

    name: str
    stage: str
    network: SparseConfig
    first_stage: str | None = None  # the variant whose codes a prior learns

    @property
    def place(self) -> Path:
        """Its folder in that of the run; a prior's lies in that of its first stage."""
        return Path(self.first_stage or "", self.name)


# The trunks of the bundled tokenizer, which the first stages begin from.
_ENCODER = TrunkConfig(widths=(32, 64, 112), attention=(2,), blocks=1, stem=4, norm="channel")
_DECODER = replace(_ENCODER, widths=(48, 96, 112), smooth=True)
_MQ = replace(presets.TINY_MQ_VAE, encoder=_ENCODER, decoder=_DECODER, features=32)
_DQ = replace(
    presets.TINY_DQ_VAE,
    encoder=replace(_ENCODER, widths=(32, 64, 112, 112), attention=(2, 3)),
    decoder=_DECODER,
    features=32,
    router_groups=8,
)


def _mq(name: str, **changes: object) -> Variant:
    network: MqVaeConfig = replace(_MQ, **changes)  # type: ignore[arg-type]
    return Variant(name=name, stage="mq-vae", network=network)


def _dq(name: str, **changes: object) -> Variant:
    network: DqVaeConfig = replace(_DQ, **changes)  # type: ignore[arg-type]
    return Variant(name=name, stage="dq-vae", network=network)


VARIANTS = (
    _mq("mq-learnt"),
    _mq("mq-random", selection="random"),
    _mq("mq-regular", selection="regular"),
    _dq("dq-10"),
    _dq("dq-entropy", router="entropy", entropy_threshold=MEDIAN_ENTROPY),
    _dq("dq-regular", router="regular"),
    _dq("dq-fine", router="regular", target_shares=(1.0,)),
    _dq("dq-1", budget_weights=(1.0,)),
    _dq("dq-100", budget_weights=(100.0,)),
    Variant(
        name="code-first", stage="stackformer", network=presets.TINY_STACKFORMER, first_stage="mq-learnt"
    ),
    Variant(
        name="position-first",
        stage="stackformer",
        network=replace(presets.TINY_STACKFORMER, order="position-first"),
        first_stage="mq-learnt",
    ),
    Variant(
        name="dq-prior", stage="dq-transformer", network=presets.TINY_DQ_TRANSFORMER, first_stage="dq-10"
    ),
)


class Turn(Budget):
    """A run of so many CPU seconds of this process, broken off when `until` of them are over."""

    def __init__(self, seconds: float, until: float) -> None:
        super().__init__(None, seconds)
        self.until = until

    def now(self) -> float:
        return time.process_time()

    def progress(self, step: int, elapsed: float) -> float:
        return 1.0 if elapsed >= self.until else super().progress(step, elapsed)


@torch.no_grad()
def coded_crops(
    first_stage: SparseNetwork, store: PictureStore, file: Path, count: int
) -> tuple[Tensor, Tensor]:
    """The codes of `count` crops, both parts (count, ...); computed once and kept in `file`."""
    if not file.exists():
        assert isinstance(first_stage, (MqVae, DqVae))
        coded = first_stage.pairs if isinstance(first_stage, MqVae) else first_stage.codes
        crops = Crops(store, batch=16, seed=1)
        batches = [coded(2 * next(crops) - 1) for _ in range(count // 16)]
        parts = tuple(torch.cat(part) for part in zip(*batches, strict=True))
        torch.save(parts, file)
    return torch.load(file, weights_only=True)


def row_numbers(count: int, batch: int, seed: int, step: int) -> Iterator[Tensor]:
    """Endless batches of numbers of coded crops, (batch,), the same for every step whenever it comes."""
    while True:
        yield torch.from_numpy(np.random.default_rng((seed, step)).integers(count, size=batch))
        step += 1


def bind_coded(network: SparseNetwork, parts: tuple[Tensor, Tensor]) -> Task:
    """A prior on crops that were coded before; batches are their numbers."""
    parameters = list(network.requires_grad_(True).parameters())
    codes, others = parts
    if isinstance(network, Stackformer):
        return Task(
            network,
            parameters,
            lambda rows, _: stackformer_terms(network, Pairs(codes[rows], others[rows])),
        )
    assert isinstance(network, DqTransformer)
    return Task(
        network,
        parameters,
        lambda rows, _: dq_transformer_terms(network, DualCodes(codes[rows], others[rows])),
    )


def recipe(variant: Variant) -> TrainConfig:
    """The stage's own, with small batches for first stages: a short run needs steps more than pixels.

    They go slowly, because at 1e-3 fewer and fewer codes of the tokenizer stay in use.
    """
    config = SPARSE_RECIPES[variant.stage].tiny
    if variant.first_stage is not None:
        return config
    return replace(config, batch=2, crop=192, learning_rate=2e-4)


def take_turn(variant: Variant, budget: Budget, setup: RunSetup, tokenizer: Tokenizer) -> None:
    """Trains one variant until its turn is over, and writes its weights."""
    config, folder = recipe(variant), setup.output / variant.place
    store = start(config, setup)
    network = build(variant.network)
    if variant.first_stage is None:
        assert isinstance(network, (MqVae, DqVae))
        start_from_tokenizer(network, tokenizer)
        network.to(memory_format=torch.channels_last)
        task = SPARSE_RECIPES[variant.stage].bind(network, None, config)
        fit(task, config, budget, setup, store, folder)
    else:
        below = setup.output / variant.first_stage
        parts = coded_crops(load_network(below / "weights.safetensors"), store, below / "codes.pt", CODED)
        task = bind_coded(network, parts)
        batches = _batches(config, len(parts[0]))
        train(task.state, task.parameters, task.loss, batches, config, budget, folder)
    save_network(folder / "weights.safetensors", network, torch.float32)


def trained_seconds(folder: Path) -> float:
    """CPU seconds that the curves of a variant reach."""
    log = folder / "log.jsonl"
    if not log.exists():
        return 0.0
    return json.loads(log.read_text().splitlines()[-1])["seconds"]


def _batches(config: TrainConfig, count: int) -> Callable[[int], Iterator[Tensor]]:
    return lambda step: row_numbers(count, config.batch, config.seed, step)


def run_claims(
    setup: RunSetup, seconds: float, prior_seconds: float, turn: float, only: Sequence[str] = ()
) -> Iterator[str]:
    """Trains first stages in turns of so many CPU seconds, then the priors of what they have become.

    Args:
        only: the names of some, instead of all.

    Yields:
        A line after every turn.

    Raises:
        InputError: no shards, or an unknown name; WeightsError: the bundled tokenizer, or a prior's first
            stage, is missing.
    """
    unknown = set(only) - {variant.name for variant in VARIANTS}
    if unknown:
        raise InputError(f"there is no network {', '.join(sorted(unknown))}")
    tokenizer = load_checkpoint(PROFILES.named(DEFAULT_MODEL).find_weights()).model.tokenizer
    chosen = [variant for variant in VARIANTS if not only or variant.name in only]
    for prior, total in ((False, seconds), (True, prior_seconds)):
        rest = [variant for variant in chosen if (variant.first_stage is not None) == prior]
        until = 0.0
        while until < total:
            until = min(until + turn, total)
            for variant in rest:
                if trained_seconds(setup.output / variant.place) >= until:
                    continue
                with flushed_denormals("cpu"):
                    take_turn(variant, Turn(total, until), setup, tokenizer)
                yield f"{variant.name}: {until:g} of {total:g} s"
