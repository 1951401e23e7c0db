"""CompressAI's pretrained models, where their weights can be loaded (the package downloads them once)."""

from __future__ import annotations

import io
import socket
import struct
import warnings
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image

from .interface import Codec, UnavailableError

STRIDE = 64  # pixels; sides are padded to multiples of it
PATIENCE = 10  # seconds without an answer before a download is given up
_SIZES = struct.Struct(">4H")  # height, width of the picture, of the hyper-latents
_LENGTH = struct.Struct(">I")


@dataclass(frozen=True)
class ZooCodec(Codec):
    """One architecture, trained for mean squared error; its quality levels are the knob.

    CompressAI defines no file format. Here a file is the four sizes, then each string of the model with
    its length: 16 bytes beyond the strings.
    """

    architecture: str
    label: str
    settings: tuple[int, ...] = (1, 2, 3, 4)
    pretrained: bool = True  # tests need the path, not the weights

    @property
    def name(self) -> str:  # type: ignore[override]
        return f"compressai-{self.architecture}"

    def version(self) -> str:
        import compressai

        try:
            for setting in self.settings:
                _load(self.architecture, setting, self.pretrained)
        except (OSError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:100]
            raise UnavailableError(f"its weights cannot be loaded ({reason})") from None
        return f"compressai {compressai.__version__} {self.architecture}"

    def encode(self, picture: Image.Image, setting: int) -> bytes:
        import torch

        x = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255
        height, width = x.shape[2:]
        x = torch.nn.functional.pad(x, (0, -width % STRIDE, 0, -height % STRIDE), mode="replicate")
        with torch.no_grad():
            coded = _load(self.architecture, setting, self.pretrained).compress(x)
        head = bytes([setting]) + _SIZES.pack(height, width, *coded["shape"])
        return head + b"".join(_LENGTH.pack(len(s)) + s for (s,) in coded["strings"])

    def decode(self, data: bytes) -> Image.Image:
        import torch

        model = _load(self.architecture, data[0], self.pretrained)
        height, width, *shape = _SIZES.unpack_from(data, 1)
        strings, place = [], 1 + _SIZES.size
        while place < len(data):
            (length,) = _LENGTH.unpack_from(data, place)
            place += _LENGTH.size + length
            strings.append([data[place - length : place]])
        with torch.no_grad():
            x = model.decompress(strings, shape)["x_hat"][0, :, :height, :width]
        return Image.fromarray(x.clamp(0, 1).mul(255).round().byte().permute(1, 2, 0).numpy())


@lru_cache(maxsize=4)
def _load(architecture: str, quality: int, pretrained: bool) -> Any:
    patience = socket.getdefaulttimeout()
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):  # torch.hub announces downloads
        warnings.simplefilter("ignore")
        from compressai.zoo import image_models

        socket.setdefaulttimeout(PATIENCE)
        try:
            model = image_models[architecture](quality, metric="mse", pretrained=pretrained, progress=False)
        finally:
            socket.setdefaulttimeout(patience)
    model.eval()
    if not pretrained:
        model.update()
    return model


CODECS = (
    ZooCodec("mbt2018-mean", "mbt2018-mean (CompressAI)"),
    ZooCodec("cheng2020-anchor", "cheng2020-anchor (CompressAI)"),
)
