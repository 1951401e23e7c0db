"""Stage `class-decoder`: MAGE's class-conditional decoder on the frozen encoder (MAGE suppl. section 1.2)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from ulbic.models.class_decoder import ClassDecoder, fitting_config
from ulbic.models.class_weights import ClassWeights, encoder_tag, save_class_weights
from ulbic.models.model import UlbicModel

from .classes import ClassSet, Labelled, labelled_views
from .config import TrainConfig
from .distributed import is_first, own_rows, process_group, rows_of, wait, whole
from .loop import Budget, train
from .predictor_stage import kept_positions, masked_loss, ratio_masks
from .recipes import MAGE, Task
from .run import RunSetup, flushed_denormals

NAME = "class-decoder"
TINY = TrainConfig(batch=32, learning_rate=1e-3, warmup=0.03)
CONFIGS = {"tiny": TINY, "base": MAGE, "large": MAGE}  # "similar to pre-training"


def class_decoder_loss(
    model: UlbicModel, decoder: ClassDecoder, batch: Labelled, config: TrainConfig
) -> tuple[Tensor, dict[str, Tensor]]:
    """Cross-entropy on the masked indices; the encoder is told nothing of the class, and does not learn."""
    with torch.no_grad():
        indices = model.tokenizer.indices(batch.x)
        masked = own_rows(ratio_masks(whole(len(indices)), config.mask_ratio_max)).to(indices.device)
        kept = kept_positions(masked)
        encoded = model.predictor.encode(indices, masked, kept)
    words = model.predictor.token_emb.word_embeddings.weight
    logits = decoder(encoded, masked, batch.labels, words, kept)
    loss, matching = masked_loss(logits, indices, masked, config.label_smoothing)
    return loss, {"matching": matching}


def bind_class_decoder(model: UlbicModel, decoder: ClassDecoder, config: TrainConfig) -> Task:
    """The decoder alone is state: the model, in eval mode, only stands before it."""
    model.eval().requires_grad_(False)
    return Task(
        decoder,
        list(decoder.parameters()),
        lambda batch, _: class_decoder_loss(model, decoder, batch, config),
    )


def train_class_decoder(model: UlbicModel, classes: ClassSet, budget: Budget, setup: RunSetup) -> Path:
    """Trains on all pictures, resuming what `setup.output` holds; returns the path of the class weights.

    Raises:
        UlbicError: a batch that the processes cannot share evenly.
    """
    folder, config = setup.output / NAME, setup.adapted(CONFIGS[setup.preset])
    with process_group(setup.device) as device, flushed_denormals(device):
        torch.manual_seed(config.seed)
        shape = fitting_config(setup.preset, model.config.predictor, len(classes.names))
        decoder = ClassDecoder(shape).to(device)
        task = bind_class_decoder(model.to(device), decoder, config)
        pictures, rows = (*classes.training, *classes.held_out), rows_of(config.batch)
        workers = max(1, (os.cpu_count() or 1) // 2)

        def batches(step: int) -> Iterator[Labelled]:
            return labelled_views(pictures, config.batch, config.crop, config.seed, step, workers, rows)

        train(task.state, task.parameters, task.loss, batches, config, budget, folder)
        path = folder / "classes.safetensors"
        if is_first():
            save_class_weights(path, ClassWeights(decoder.cpu(), classes.names, encoder_tag(model.predictor)))
        wait()
    return path
