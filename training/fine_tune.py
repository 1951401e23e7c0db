"""End-to-end fine-tuning of the predictor's encoder as a classifier (MAGE suppl. table 12).

The tokenizer stays as it is: no gradient passes its indices. RandAugment is torchvision's, without noise on
its magnitude (the paper has 0.5).
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ulbic.models.contrast import pooled
from ulbic.models.model import UlbicModel
from ulbic.models.predictor import MaskPredictor

from .classes import ClassSet, LabelledPicture
from .data import prepared
from .features import SIZE, batched, labels_of
from .judgement import Judgement
from .probe import LinearProbe, schedule
from .views import centre_view, cut, random_view


@dataclass(frozen=True, kw_only=True)
class FineTuneConfig:
    """MAGE suppl. table 12 for ViT-B; ViT-L has 50 epochs, a layer decay of 0.75 and a drop path of 0.2."""

    epochs: int = 100
    batch: int = 1024
    base_rate: float = 2.5e-4  # for a batch of 256, in proportion to the batch
    warmup: int = 5  # epochs
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.05
    layer_decay: float = 0.65
    label_smoothing: float = 0.1
    randaug: tuple[int, int] = (2, 9)  # operations, magnitude; (0, 0) = none
    mixup: float = 0.8  # 0 = none
    cutmix: float = 1.0  # 0 = none
    drop_path: float = 0.1
    smallest_view: float = 0.08
    seed: int = 0


class Classifier(nn.Module):
    """The encoder and a linear layer behind a batch norm."""

    def __init__(self, predictor: MaskPredictor, classes: int, drop_path: float = 0.0) -> None:
        """A copy of the encoder; the branches of its last block are dropped at the rate `drop_path`."""
        from torchvision.ops import StochasticDepth

        super().__init__()
        self.predictor = copy.deepcopy(predictor).requires_grad_(False)
        for part in (self.predictor.token_emb, self.predictor.blocks, self.predictor.norm):
            part.requires_grad_(True)
        depth = len(self.predictor.blocks)
        for i, block in enumerate(self.predictor.blocks):
            block.dropout = StochasticDepth(drop_path * i / max(depth - 1, 1), mode="row")
        self.head = LinearProbe(predictor.config.width, classes)

    def forward(self, indices: Tensor) -> Tensor:
        """(B, 16, 16) int64 to logits (B, classes)."""
        return self.head(pooled(self.predictor.encode(indices, torch.zeros_like(indices, dtype=torch.bool))))

    def groups(self, config: FineTuneConfig) -> list[dict[str, Any]]:
        """Parameters for the optimiser: the deeper a layer, the smaller its `scale`; vectors do not decay."""
        depth = len(self.predictor.blocks)
        layers: list[nn.Module] = [self.predictor.token_emb, *self.predictor.blocks]
        layers.append(nn.ModuleList([self.predictor.norm, self.head]))
        groups = []
        for i, layer in enumerate(layers):
            scale = config.layer_decay ** (depth + 1 - i)
            for matrices, decay in ((True, config.weight_decay), (False, 0.0)):
                own = [p for p in layer.parameters() if (p.ndim > 1) == matrices]
                groups.append({"params": own, "weight_decay": decay, "scale": scale, "lr": 0.0})
        return groups


def fine_tune(
    model: UlbicModel, classes: ClassSet, config: FineTuneConfig, device: str, workers: int = 1
) -> Judgement:
    """Learns from the training pictures and judges the held-out ones; the model stays as it is."""
    torch.manual_seed(config.seed)
    network = Classifier(model.predictor, len(classes.names), config.drop_path).to(device)
    optimizer = torch.optim.AdamW(network.groups(config), betas=config.betas)
    mix = _mixing(config, len(classes.names))
    count = len(classes.training)
    batch = min(config.batch, count)
    steps = max(1, count // batch)
    network.train()
    for epoch in range(config.epochs):
        order = torch.randperm(count).tolist()
        epoch_pictures = [classes.training[i] for i in order[: steps * batch]]
        shown = _augmented(epoch_pictures, config, epoch, workers)
        labels = labels_of(epoch_pictures).to(device)
        for step in range(steps):
            x = torch.stack([next(shown) for _ in range(batch)]).to(device)
            x, wanted = mix(x, labels[step * batch : (step + 1) * batch])
            rate = (
                config.base_rate * batch / 256 * schedule(epoch + step / steps, config.warmup, config.epochs)
            )
            for group in optimizer.param_groups:
                group["lr"] = rate * group["scale"]
            optimizer.zero_grad()
            logits = network(model.tokenizer.indices(x))
            F.cross_entropy(logits, wanted, label_smoothing=config.label_smoothing).backward()
            optimizer.step()
    network.eval()
    return Judgement.of(
        classes.names,
        labels_of(classes.held_out),
        _guesses(model, network, classes.held_out, device, workers),
    )


def _mixing(config: FineTuneConfig, classes: int) -> Any:
    """Batches and labels to mixed ones, by mixup or CutMix with equal chances; as they are with neither."""
    from torchvision.transforms import v2

    kinds = [
        kind(alpha=alpha, num_classes=classes)
        for kind, alpha in ((v2.MixUp, config.mixup), (v2.CutMix, config.cutmix))
        if alpha
    ]
    return v2.RandomChoice(kinds) if kinds else lambda x, labels: (x, labels)


def _augmented(
    pictures: list[LabelledPicture], config: FineTuneConfig, epoch: int, workers: int
) -> Iterator[Tensor]:
    """A random view of every picture, RandAugment on it: (3, 256, 256) in [0, 1]."""
    from torchvision.transforms import v2

    operations, magnitude = config.randaug
    augment = v2.RandAugment(operations, magnitude) if operations else None

    def show(numbered: tuple[int, LabelledPicture]) -> Tensor:
        pixels = numbered[1].read()
        height, width = pixels.shape[:2]
        rng = np.random.default_rng((config.seed, epoch, numbered[0]))
        return cut(pixels, random_view(rng, height, width, config.smallest_view), SIZE)

    for crop in prepared(show, iter(enumerate(pictures)), workers):
        yield crop if augment is None else augment((255 * crop).round().to(torch.uint8)).float() / 255


@torch.no_grad()
def _guesses(
    model: UlbicModel, network: Classifier, pictures: tuple[LabelledPicture, ...], device: str, workers: int
) -> Tensor:
    def show(picture: LabelledPicture) -> Tensor:
        pixels = picture.read()
        return cut(pixels, centre_view(*pixels.shape[:2]), SIZE)

    shown = batched(prepared(show, iter(pictures), workers))
    return torch.cat([network(model.tokenizer.indices(x.to(device))).argmax(dim=1).cpu() for x in shown])
