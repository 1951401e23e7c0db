"""The parts of `base` that are measured, as the public code runs them and as ulbic does."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from ulbic.bitstream.symbols import SymbolReader, SymbolWriter
from ulbic.codec.bundle import Bundle, export_tables, make_bundle
from ulbic.codec.continuous_stream import decode_latents, encode_latents
from ulbic.codec.decoder import decode_picture
from ulbic.codec.encoder import encode_picture
from ulbic.codec.exactness import GUARD, ExactRounding
from ulbic.codec.quality import DEFAULT_QUALITY, rate_point
from ulbic.models.config import BASE
from ulbic.models.continuous import Pass
from ulbic.models.model import UlbicModel
from ulbic.models.zoo import FILE_MODEL_ID

REFERENCE = {  # seconds, two CPU cores
    "MLIC++ encode, 384x256": 0.95,
    "MLIC++ decode, 384x256": 1.04,
    "VQGAN encode, 768x512": 6.5,
    "VQGAN decode, 768x512": 8.2,
    "ViT-B step, 6 windows": 3.5,
}


Work = Callable[[], object]


def fast(x: torch.Tensor) -> torch.Tensor:
    """The layout in which convolutions are fastest."""
    return x.contiguous(memory_format=torch.channels_last)


class Inputs(NamedTuple):
    """What the parts are given."""

    small: torch.Tensor  # (1, 3, 256, 384), for MLIC++
    large: torch.Tensor  # (1, 3, 512, 768), for the VQGAN
    indices: torch.Tensor  # (1, 32, 48), of `large`
    windows: torch.Tensor  # (6, 16, 16), the same in the windows of the ViT
    masked: torch.Tensor  # likewise, bool
    assist: torch.Tensor  # (6, channels, 16, 16)
    gain: torch.Tensor  # (1,)


def inputs(device: torch.device) -> Inputs:
    """Random ones."""
    return Inputs(
        torch.rand(1, 3, 256, 384, device=device),
        torch.rand(1, 3, 512, 768, device=device),
        torch.randint(0, 1024, (1, 32, 48), device=device),
        torch.randint(0, 1024, (6, 16, 16), device=device),
        torch.rand(6, 16, 16, device=device) < 0.75,
        torch.randn(6, BASE.bridge.channels, 16, 16, device=device),
        torch.tensor([0], device=device),
    )


def our_parts(bundle: Bundle, given: Inputs) -> dict[str, Work]:
    """The rows of REFERENCE as ulbic computes them."""
    model, rounding = bundle.model, ExactRounding(0)

    def encode() -> bytes:
        writer, stream = SymbolWriter(), model.continuous
        with bundle.pixel_precision():
            y = stream.analyse(fast(given.small), given.gain).float()
        encode_latents(writer, bundle, y, stream.hyper_analyse(y), ExactRounding(0, GUARD))
        return writer.finish()

    payload = encode()

    def decode() -> object:
        y_hat = decode_latents(SymbolReader(payload), bundle, (16, 24), rounding)
        with bundle.pixel_precision():
            return model.continuous.synthesise(fast(y_hat.float()), given.gain)

    def mixed(work: Work) -> Work:
        def run() -> object:
            with bundle.pixel_precision():
                return work()

        return run

    works = [
        encode,
        decode,
        mixed(lambda: model.tokenizer.indices(fast(given.large))),
        mixed(lambda: model.tokenizer.decoder(model.tokenizer.quantize(given.indices))),
        mixed(lambda: model.predictor(given.windows, given.masked, given.assist)),
    ]
    return dict(zip(REFERENCE, works, strict=True))


def published_parts(model: UlbicModel, given: Inputs) -> dict[str, Work]:
    """The same rows as published."""
    stream = model.continuous

    def context(code: Callable[[Pass], torch.Tensor], y: torch.Tensor) -> torch.Tensor:
        return stream.context(stream.hyper_analyse(y).round(), (16, 24), code)

    def encode() -> object:
        y = stream.analyse(given.small, given.gain)
        return context(lambda p: (y[:, p.channels] - p.mean).round() + p.mean, y)

    def decode() -> object:
        y = given.small.new_zeros(1, BASE.continuous.latents, 16, 24)
        return stream.synthesise(context(lambda p: p.mean, y), given.gain)

    works = [
        encode,
        decode,
        lambda: model.tokenizer.indices(given.large),
        lambda: model.tokenizer.decoder(model.tokenizer.quantize(given.indices).contiguous()),
        lambda: model.predictor(given.windows, given.masked, given.assist),
    ]
    return dict(zip(REFERENCE, works, strict=True))


def random_model(device: str) -> UlbicModel:
    """`base` as published."""
    torch.manual_seed(0)
    return UlbicModel(BASE).eval().requires_grad_(False).to(device)


def ready(model: UlbicModel) -> Bundle:
    """The same as ulbic codes with it; changes `model`."""
    tables = export_tables(model)
    return make_bundle(
        model.to(memory_format=torch.channels_last), tables, FILE_MODEL_ID, 0, next(model.parameters()).device
    )


def whole_path(bundle: Bundle) -> dict[str, Work]:
    """A 768x512 picture to a file and back."""
    pixels = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    picture = Image.fromarray(pixels).resize((768, 512), Image.Resampling.BICUBIC)
    point = rate_point(DEFAULT_QUALITY)
    data = encode_picture(bundle, picture, point).data
    return {
        "encode": lambda: encode_picture(bundle, picture, point),
        "decode": lambda: decode_picture(bundle, data),
    }


KINDS: dict[str, Callable[[UlbicModel, Inputs], dict[str, Work]]] = {
    "published": published_parts,
    "ulbic": lambda model, given: our_parts(ready(model), given),
    "whole path": lambda model, _: whole_path(ready(model)),
}
