"""Which arithmetic is worth its name on a device."""

from __future__ import annotations

import torch


def fast_bfloat16(device: str) -> bool:
    """Whether matrix products are faster in bfloat16: on GPUs, and on CPUs with instructions for it.

    Other CPUs emulate it, several times slower than float32 is there.

    Args:
        device: type of a torch device.
    """
    if device != "cpu":
        return True
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
