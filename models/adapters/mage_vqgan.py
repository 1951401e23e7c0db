"""The VQGAN tokenizer of the public MAGE code (`vqgan_jax_strongaug.ckpt`): our names are its names."""

from __future__ import annotations

from .source import Source

PREFIX = "tokenizer."


def _public_key(key: str) -> str | None:
    return key.removeprefix(PREFIX) if key.startswith(PREFIX) else None


MAGE_VQGAN = Source(name="mage-vqgan", public_key=_public_key, unused=lambda config: {})
