"""The whole model: the parts by name, and the few steps that involve more than one of them."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from .bridge import Bridge
from .config import ModelConfig
from .continuous import ContinuousStream, enlarge
from .index_model import IndexModel
from .layers import Binomial
from .pixel_decoder import CorrectionNetwork
from .predictor import MaskPredictor
from .tokenizer import Tokenizer


class UlbicModel(nn.Module):
    """HybridFlow: a continuous stream and a token stream, a mask predictor, a dual-stream decoder."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.continuous = ContinuousStream(config.continuous)
        self.tokenizer = Tokenizer(config.tokenizer)
        self.bridge = Bridge(config)
        self.predictor = MaskPredictor(config.predictor, *Bridge.assist_shape(config))
        self.correction = CorrectionNetwork(config)
        self.index_model: IndexModel | None = None
        if config.index_model is not None:
            latents, codes = config.continuous.latents, config.tokenizer.codes
            self.index_model = IndexModel(config.index_model, latents, codes)
        self.smooth = Binomial() if config.continuous.smooth else nn.Identity()

    def restore(self, y_hat: Tensor, gain: Tensor) -> Tensor:
        """The low-quality picture (B, 3, 32 h, 32 w), about [0, 1], of latents (B, latents, h, w)."""
        restoration = self.continuous.synthesise(y_hat, gain).float()
        return restoration if self.config.continuous.full_size else self.smooth(enlarge(restoration))

    def paint(
        self, codes: Tensor, received: Tensor, correction: Tensor | None, restoration: Tensor | None
    ) -> Tensor:
        """Pixels (B, 3, 16 h, 16 w) of the codes (B, dim, h, w) of a completed index map.

        The bridge's correction map and the restoration are both given, or neither: then tokens alone count.
        """
        return self.correction(self.tokenizer.decoder, codes, received, correction, restoration)


def reduce(image: Tensor) -> Tensor:
    """Down-sampling 4x in area: (B, 3, H, W) to (B, 3, H/2, W/2)."""
    return F.avg_pool2d(image, 2)
