"""Frozen configuration of one training run; the recipes in `recipes.py` are values of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Optimiser, schedule and loss weights of one stage. Defaults: HybridFlow suppl. §1."""

    stage: str
    preset: str = "tiny"
    batch: int = 8
    learning_rate: float = 3e-4
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 0.05
    warmup: float = 0.03  # fraction of the run
    grad_clip: float = 3.0
    ema: float = 0.999
    crop: int = 256
    label_smoothing: float = 0.1
    l1_weight: float = 8.0  # L1 : LPIPS = 8 : 1
    lpips_weight: float = 1.0
    structure_weight: float = 0.0  # of 1 - MS-SSIM
    rate_weights: tuple[float, float] = (32.0, 3.0)  # lambda at the lowest and the highest gain, per bpp
    continuous_dropout: float = 0.0  # samples that must do without the continuous stream
    seed: int = 0
