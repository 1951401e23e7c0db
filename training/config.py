"""Frozen configuration of one training run; the recipes in `recipes.py` are values of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Optimiser, schedule and loss weights of one stage. Defaults: HybridFlow suppl. §1."""

    batch: int
    learning_rate: float
    warmup: float  # fraction of the run
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 0.05
    grad_clip: float = 3.0
    ema: float = 0.999
    amp: bool = True  # matrix products in bfloat16
    crop: int = 256  # pixels per side
    label_smoothing: float = 0.1
    l1_weight: float = 8.0  # L1 : LPIPS = 8 : 1
    squared_weight: float = 0.0  # of the mean square error
    lpips_weight: float = 1.0
    structure_weight: float = 0.0  # of 1 - MS-SSIM
    grain_weight: float = 0.0  # of the excess power on the 16-pixel grid, per dB
    mesh_weight: float = 0.0  # of that at periods of 2, 4 and 8 pixels in calm parts, per dB
    rate_weights: tuple[float, float] = (40.0, 3.0)  # lambda at the lowest and the highest gain, per bpp
    continuous_dropout: float = 0.0  # share of samples that must do without the continuous stream
    mask_ratio_max: float = 1.0  # of `mage-c` and of the class decoder; MAGE table 10
    contrast_weight: float = 0.1  # of `mage-c`'s contrastive loss (lambda), likewise
    temperature: float = 0.2  # of it (tau), likewise
    prediction_share: float = 1.0  # of the steps of `joint` in which the predictor learns as well
    frozen_stream: bool = False  # `joint` leaves the continuous stream as it is
    lpips_net: str = "squeeze"
    adversarial_weight: float = 0.0  # of a patch discriminator's opinion; 0 = none
    adversarial_cap: float = 1.0  # of that weight times the adaptive one (VQGAN)
    seed: int = 0
