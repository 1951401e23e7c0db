"""Mask predictor: the MAGE ViT with a CrossAttention on the continuous stream in one decoder block.

    indices + mask ids ──token_emb──> blocks ──[C] pads what is masked──> decoder blocks ──> logits
                                        restoration features ──K, V──> CrossAttention ┘

Source: MAGE §3 and suppl. §3 (Li 2023); HybridFlow §3.2 and suppl. §1.1 for the inserted module.
Attribute names are those of the public MAGE checkpoints.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import WINDOW, PredictorConfig

LENGTH = WINDOW * WINDOW  # indices of a window


class TokenEmbedding(nn.Module):
    """Word and position embeddings, summed and normalised (BERT's)."""

    def __init__(self, vocabulary: int, width: int, dropout: float) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(vocabulary, width)
        self.position_embeddings = nn.Embedding(LENGTH + 1, width)
        self.LayerNorm = nn.LayerNorm(width, eps=1e-6)
        self.dropout = nn.Dropout(dropout)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.word_embeddings(ids) + self.position_embeddings.weight[: ids.shape[1]]
        return self.dropout(self.LayerNorm(x))


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (_split_heads(part, self.heads) for part in self.qkv(x).chunk(3, dim=-1))
        return self.proj(_merge_heads(F.scaled_dot_product_attention(q, k, v)))


class CrossAttention(nn.Module):
    """Queries from the tokens, keys and values from the continuous stream."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.norm_context = nn.LayerNorm(width, eps=1e-6)
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)

    @torch.no_grad()
    def start_local(self) -> None:
        """Starts as a no-op whose attention, by the position embeddings, already looks at the same place."""
        nn.init.zeros_(self.proj.weight)
        width = self.proj.in_features
        for weight in (self.query.weight, self.key_value.weight[:width]):
            weight.copy_(torch.eye(width))
        nn.init.xavier_uniform_(self.key_value.weight[width:])

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """x (B, n, width), or (1, n, width) for all, and context (B, m, width) to (B, n, width)."""
        q = _split_heads(self.query(self.norm(x)), self.heads).expand(len(context), -1, -1, -1)
        k, v = (
            _split_heads(t, self.heads) for t in self.key_value(self.norm_context(context)).chunk(2, dim=-1)
        )
        return self.proj(_merge_heads(F.scaled_dot_product_attention(q, k, v)))


def _split_heads(x: Tensor, heads: int) -> Tensor:
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def _merge_heads(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(2)


class Mlp(nn.Module):
    """Linear-GELU-linear, four times as wide inside."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """Pre-norm transformer block (ViT), with room for one CrossAttention before the MLP."""

    def __init__(self, width: int, heads: int, dropout: float, cross: bool = False) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width)
        self.dropout = nn.Dropout(dropout)
        self.cross = CrossAttention(width, heads) if cross else None

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        x = x + self.dropout(self.attn(self.norm1(x)))
        if self.cross is not None and context is not None:
            x = x + self.cross(x, context)
        return x + self.dropout(self.mlp(self.norm2(x)))


class MlmLayer(nn.Module):
    """Features to logits through the tied word embeddings (BERT's masked-language head)."""

    def __init__(self, decoder_width: int, width: int, vocabulary: int, eps: float) -> None:
        super().__init__()
        self.fc = nn.Linear(decoder_width, width)
        self.ln = nn.LayerNorm(width, eps=eps)
        self.bias = nn.Parameter(torch.zeros(1, 1, vocabulary))

    def forward(self, x: Tensor, words: Tensor) -> Tensor:
        return self.ln(F.gelu(self.fc(x))) @ words.T + self.bias


def initialise(network: nn.Module) -> None:
    """Small random weights for linear layers and embeddings; CrossAttentions look at their own place."""
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.trunc_normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
    for module in network.modules():
        if isinstance(module, CrossAttention):
            module.start_local()


class MaskPredictor(nn.Module):
    """Logits of the masked indices of 16x16 windows."""

    def __init__(self, config: PredictorConfig, assist_channels: int, assist_side: int) -> None:
        """`assist_channels` and `assist_side` describe the bridge's map of one window."""
        super().__init__()
        self.config = config
        width, decoder_width = config.width, config.decoder_width
        self.token_emb = TokenEmbedding(config.vocabulary, width, config.dropout)
        self.blocks = nn.ModuleList(Block(width, config.heads, config.dropout) for _ in range(config.depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.decoder_embed = nn.Linear(width, decoder_width)
        self.decoder_pos_embed_learned = nn.Parameter(torch.zeros(1, LENGTH + 1, decoder_width))
        self.decoder_blocks = nn.ModuleList(
            Block(decoder_width, config.decoder_heads, config.dropout, cross=i == config.cross_block)
            for i in range(config.decoder_depth)
        )
        self.decoder_norm = nn.LayerNorm(decoder_width, eps=1e-6)
        self.mlm_layer = MlmLayer(decoder_width, width, config.vocabulary, config.head_norm_eps)
        self.assist_embed = nn.Linear(assist_channels, decoder_width)
        self.assist_pos = nn.Parameter(grid_embedding(assist_side, decoder_width, config.decoder_heads)[None])
        self._initialise()

    def _initialise(self) -> None:
        initialise(self)
        config = self.config
        with torch.no_grad():
            self.decoder_pos_embed_learned[0, 1:] = grid_embedding(
                WINDOW, config.decoder_width, config.decoder_heads
            )

    def forward(
        self, indices: Tensor, masked: Tensor, assist: Tensor | None, kept: Tensor | None = None
    ) -> Tensor:
        """Logits of every index of a window.

        Args:
            indices: (B, 16, 16) int64; values where `masked` are ignored.
            masked: (B, 16, 16) bool.
            assist: (B, assist_channels, s, s) features of the continuous stream, or None to do without.
            kept: (B, k) positions of the sequence of 257 that the encoder is shown (training drops
                some of the masked ones); all when None.

        Returns:
            (B, 256, codes).
        """
        if not self.training and kept is None and bool(masked.all()):  # then all windows look alike
            encoded = self.encode(indices[:1], masked[:1])
            return self.decode(encoded, masked[:1], assist).expand(len(masked), -1, -1)
        return self.decode(self.encode(indices, masked, kept), masked, assist, kept)

    def encode(self, indices: Tensor, masked: Tensor, kept: Tensor | None = None) -> Tensor:
        """The encoder's output (B, 257, width), or (B, k, width) where `kept` says what is shown; [C] first.

        The arguments are those of `forward`.
        """
        ids = torch.where(masked.flatten(1), self.config.mask_id, indices.flatten(1))
        x = self.token_emb(F.pad(ids, (1, 0), value=self.config.class_id))
        if kept is not None:
            x = x.gather(1, kept[:, :, None].expand(-1, -1, x.shape[2]))
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def decode(
        self, encoded: Tensor, masked: Tensor, assist: Tensor | None, kept: Tensor | None = None
    ) -> Tensor:
        """`forward`, of what `encode` gave."""
        x = pad_with_class_token(self.decoder_embed(encoded), masked, kept) + self.decoder_pos_embed_learned
        context = None
        if assist is not None:
            context = self.assist_embed(assist.flatten(2).transpose(1, 2)) + self.assist_pos
        for block in self.decoder_blocks:
            x = block(x, context)
        words = self.token_emb.word_embeddings.weight
        return self.mlm_layer(self.decoder_norm(x[:, 1:]), words)[:, :, : self.config.codes]


def pad_with_class_token(x: Tensor, masked: Tensor, kept: Tensor | None) -> Tensor:
    """The whole sequence (B, 257, width): [C]'s features stand for all that is masked or was not shown.

    Source: MAGE suppl. section 2, "Pad with [CLS] token".

    Args:
        x: (B, 257, width), or (B, k, width) with `kept` (B, k).
        masked: (B, 16, 16) bool.
    """
    class_token = x[:, :1]
    if kept is not None:
        padded = class_token.repeat(1, LENGTH + 1, 1)
        x = padded.scatter(1, kept[:, :, None].expand(-1, -1, x.shape[2]), x)
    return torch.where(F.pad(masked.flatten(1), (1, 0), value=False)[:, :, None], class_token, x)


def grid_embedding(side: int, width: int, heads: int) -> Tensor:
    """Sine-cosine embedding of a square grid, (side^2, width), after MAE (He 2022).

    Every attention head's share of the channels holds all four parts (sine and cosine of row and column),
    so that a product of two embeddings within one head tells how far apart they are. Coordinates run from
    0 to 16 whatever the side: grids of different pitch share a space.
    """
    count = width // heads // 4 * heads  # frequencies
    frequency = 2.0 * 40.0 ** (-torch.arange(count) / count)  # periods of 3 to 126 indices
    line = (torch.arange(side) + 0.5) * (WINDOW / side)
    wave = (line[:, None] * frequency).view(side, -1, heads).transpose(1, 2)  # (side, heads, frequencies)
    wave = torch.cat([wave.sin(), wave.cos()], dim=2)
    rows = wave[:, None].expand(-1, side, -1, -1)
    columns = wave[None].expand(side, -1, -1, -1)
    table = torch.cat([rows, columns], dim=3)
    table = F.pad(table, (0, width // heads - table.shape[3]))
    return table.reshape(side * side, width)
