"""Class-conditional decoder: what the predictor's frozen encoder has seen, and a label, to logits.

    encoder's output ──decoder_embed──[C] pads what is masked──┐
                             label ──label_emb──────────concatenated──> blocks ──> logits of the indices
                                                               └──K, V──> CrossAttention of every later block

Source: MAGE suppl. section 1.2 ("Class-Conditional Image Generation"): a 12-layer ViT of width 768 with 113 M
parameters, the label concatenated to the padded features. Twelve plain layers of that width have 85 M; the
paper does not say where the others are, and there is no public code. Here every layer after the first one
looks back at the padded features and the label through a CrossAttention, which gives 113.2 M in all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from .config import WINDOW, PredictorConfig
from .predictor import (
    LENGTH,
    Block,
    MaskPredictor,
    MlmLayer,
    grid_embedding,
    initialise,
    pad_with_class_token,
)


@dataclass(frozen=True, kw_only=True)
class ClassDecoderConfig:
    """The decoder, and what it must know of the encoder that it reads. Default: the paper's scale."""

    classes: int = 1000
    width: int = 768
    depth: int = 12
    heads: int = 16
    dropout: float = 0.1
    codes: int = 1024
    vocabulary: int = 2025
    encoder_width: int = 768


BASE_CLASS_DECODER = ClassDecoderConfig()
TINY_CLASS_DECODER = ClassDecoderConfig(
    width=152, depth=4, heads=4, dropout=0.0, vocabulary=1026, encoder_width=152
)
CLASS_DECODERS = {"tiny": TINY_CLASS_DECODER, "base": BASE_CLASS_DECODER, "large": BASE_CLASS_DECODER}


class ClassDecoder(nn.Module):
    """Logits of the masked indices of 16x16 windows, given their class."""

    def __init__(self, config: ClassDecoderConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.label_emb = nn.Embedding(config.classes, width)
        self.decoder_embed = nn.Linear(config.encoder_width, width)
        positions = LENGTH + 2  # label, [C], indices
        self.decoder_pos_embed_learned = nn.Parameter(torch.zeros(1, positions, width))
        self.decoder_blocks = nn.ModuleList(
            Block(width, config.heads, config.dropout, cross=i > 0) for i in range(config.depth)
        )
        self.decoder_norm = nn.LayerNorm(width, eps=1e-6)
        self.mlm_layer = MlmLayer(width, config.encoder_width, config.vocabulary, 1e-6)
        self._initialise()

    def _initialise(self) -> None:
        initialise(self)
        with torch.no_grad():
            self.decoder_pos_embed_learned[0, 2:] = grid_embedding(
                WINDOW, self.config.width, self.config.heads
            )

    def forward(
        self, encoded: Tensor, masked: Tensor, labels: Tensor, words: Tensor, kept: Tensor | None = None
    ) -> Tensor:
        """Logits of every index of a window.

        Args:
            encoded: (B, 257, encoder_width), or (B, k, encoder_width) with `kept`: `MaskPredictor.encode`.
            masked: (B, 16, 16) bool.
            labels: (B,) int64, 0 to classes - 1.
            words: (vocabulary, encoder_width), the predictor's word embeddings.
            kept: (B, k), as given to `encode`.

        Returns:
            (B, 256, codes).
        """
        x = pad_with_class_token(self.decoder_embed(encoded), masked, kept)
        x = torch.cat([self.label_emb(labels)[:, None], x], dim=1) + self.decoder_pos_embed_learned
        context = x
        for block in self.decoder_blocks:
            x = block(x, context)
        return self.mlm_layer(self.decoder_norm(x[:, 2:]), words)[:, :, : self.config.codes]


class ClassPredictor(nn.Module):
    """A predictor with a class decoder, for one class; called as a `MaskPredictor`, without assistance."""

    def __init__(self, predictor: MaskPredictor, decoder: ClassDecoder, label: int) -> None:
        super().__init__()
        self.predictor, self.decoder, self.label = predictor, decoder, label

    def forward(
        self, indices: Tensor, masked: Tensor, assist: Tensor | None = None, kept: Tensor | None = None
    ) -> Tensor:
        """(B, 16, 16) int64 and bool to logits (B, 256, codes); see `MaskPredictor.forward`."""
        assert assist is None, "a class decoder knows nothing of the continuous stream"
        labels = torch.full((len(indices),), self.label, device=indices.device)
        words = self.predictor.token_emb.word_embeddings.weight
        return self.decoder(self.predictor.encode(indices, masked, kept), masked, labels, words, kept)


def fitting_config(preset: str, predictor: PredictorConfig, classes: int) -> ClassDecoderConfig:
    """The preset's decoder for so many classes, on the encoder of such a predictor."""
    return replace(
        CLASS_DECODERS[preset],
        classes=classes,
        codes=predictor.codes,
        vocabulary=predictor.vocabulary,
        encoder_width=predictor.width,
    )
