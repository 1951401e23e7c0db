"""MAGE's ViT (`mage-vitb-1600.pth`, `mage-vitl-1600.pth`), and the tokenizer that lies in the same file.

What the public code keeps of MAE without using it (patch embedding, fixed positions, mask token, pixel head)
is left out; what HybridFlow inserts (CrossAttention, assisting features) is not in such a file.
"""

from __future__ import annotations

from ulbic.models.config import TOKEN_STRIDE, ModelConfig
from ulbic.models.predictor import LENGTH

from .mage_vqgan import PREFIX as TOKENIZER
from .source import Shapes, Source

PREFIX, PUBLIC_TOKENIZER = "predictor.", "vqgan."


def _public_key(key: str) -> str | None:
    if key.startswith(TOKENIZER):
        return PUBLIC_TOKENIZER + key.removeprefix(TOKENIZER)
    name = key.removeprefix(PREFIX)
    inserted = ".cross." in name or name.startswith("assist_")
    return None if name == key or inserted else name


def _unused(config: ModelConfig) -> Shapes:
    width, decoder_width = config.predictor.width, config.predictor.decoder_width
    patch = 3 * TOKEN_STRIDE**2
    return {
        "cls_token": (1, 1, width),
        "pos_embed": (1, LENGTH + 1, width),
        "patch_embed.proj.weight": (width, 3, TOKEN_STRIDE, TOKEN_STRIDE),
        "patch_embed.proj.bias": (width,),
        "mask_token": (1, 1, decoder_width),
        "decoder_pos_embed": (1, LENGTH + 1, decoder_width),
        "decoder_pred.weight": (patch, decoder_width),
        "decoder_pred.bias": (patch,),
        "token_emb.position_ids": (1, LENGTH + 1),
    }


MAGE_VIT = Source(name="mage-vit", public_key=_public_key, unused=_unused, optional=PUBLIC_TOKENIZER)
