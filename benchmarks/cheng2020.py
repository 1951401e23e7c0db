"""CompressAI's cheng2020-attn as a command, for `speed`: random weights, whose time is that of trained ones.

python -m ulbic.benchmarks.cheng2020 encode PICTURE FILE
python -m ulbic.benchmarks.cheng2020 decode FILE PICTURE
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch
from PIL import Image


def network() -> Any:
    """The smallest of its qualities, with the same weights in every process."""
    from compressai.zoo import cheng2020_attn

    torch.manual_seed(0)
    net = cheng2020_attn(quality=1, pretrained=False).eval()
    net.update(force=True)
    return net


@torch.no_grad()
def encode(picture: str, file: str) -> None:
    pixels = np.array(Image.open(picture).convert("RGB"))
    coded = network().compress(torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255)
    y, z = (np.frombuffer(strings[0], np.uint8) for strings in coded["strings"])
    with open(file, "wb") as output:
        np.savez(output, y=y, z=z, shape=np.array(coded["shape"]))


@torch.no_grad()
def decode(file: str, picture: str) -> None:
    with np.load(file) as coded:
        strings, shape = [[coded[name].tobytes()] for name in ("y", "z")], coded["shape"].tolist()
    pixels = network().decompress(strings, shape)["x_hat"][0].clamp(0, 1).mul(255).round().byte()
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(picture)


if __name__ == "__main__":
    {"encode": encode, "decode": decode}[sys.argv[1]](*sys.argv[2:])
