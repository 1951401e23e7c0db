"""The parts of `base` that are measured, as the public code runs them and as ulbic does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from ulbic.bitstream.container import read_container
from ulbic.bitstream.symbols import SymbolReader, SymbolWriter
from ulbic.codec.bundle import Bundle, make_bundle
from ulbic.codec.decoder import decode_picture
from ulbic.codec.encoder import encode_picture
from ulbic.codec.exactness import GUARD, ExactRounding
from ulbic.codec.latents import decode_latents, encode_latents, walk
from ulbic.codec.networks import TorchNetworks
from ulbic.codec.profiles import profile_of_file
from ulbic.codec.tables import export_tables
from ulbic.models.config import BASE
from ulbic.models.model import UlbicModel

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

    large: torch.Tensor  # (1, 3, 512, 768), which MLIC++ is given in half its size
    indices: torch.Tensor  # (1, 32, 48), of `large`
    windows: torch.Tensor  # (6, 16, 16), the same in the windows of the ViT
    masked: torch.Tensor  # likewise, bool
    assist: torch.Tensor  # (6, channels, 16, 16)
    gain: torch.Tensor  # (1,)


def inputs(device: torch.device) -> Inputs:
    """Random ones."""
    return Inputs(
        torch.rand(1, 3, 512, 768, device=device),
        torch.randint(0, 1024, (1, 32, 48), device=device),
        torch.randint(0, 1024, (6, 16, 16), device=device),
        torch.rand(6, 16, 16, device=device) < 0.75,
        torch.randn(6, BASE.bridge.channels, 16, 16, device=device),
        torch.tensor([0], device=device),
    )


def our_parts(bundle: Bundle, given: Inputs) -> dict[str, Work]:
    """The rows of REFERENCE as ulbic computes them."""
    networks, tables, rounding = bundle.networks, bundle.tables, ExactRounding(0)
    nothing = torch.zeros_like(given.indices, dtype=torch.bool)

    def encode() -> bytes:
        writer = SymbolWriter()
        y, z = networks.hyper_analyse(networks.analyse(fast(given.large)).float(), given.gain)
        encode_latents(writer, networks, tables, y, z, ExactRounding(0, GUARD))
        return writer.finish()

    payload = encode()

    def decode() -> object:
        y_hat = decode_latents(SymbolReader(payload), networks, tables, (16, 24), rounding)
        return networks.restore(fast(y_hat.float()), given.gain)

    works = [
        encode,
        decode,
        lambda: networks.tokenise(fast(given.large)),
        lambda: networks.paint(given.indices, nothing, None, None),
        lambda: networks.predict(given.windows, given.masked, given.assist),
    ]
    return dict(zip(REFERENCE, works, strict=True))


def published_parts(model: UlbicModel, given: Inputs) -> dict[str, Work]:
    """The same rows as published."""
    networks = TorchNetworks(model)

    def encode() -> object:
        y, z = networks.hyper_analyse(networks.analyse(given.large), given.gain)
        return walk(networks, z.round(), (16, 24), lambda p: (y[:, p.channels] - p.mean).round() + p.mean)

    def decode() -> object:
        y = given.large.new_zeros(1, BASE.continuous.latents, 16, 24)
        _, z = networks.hyper_analyse(y, given.gain)
        return networks.restore(walk(networks, z.round(), (16, 24), lambda p: p.mean), given.gain)

    works = [
        encode,
        decode,
        lambda: networks.tokenise(given.large),
        lambda: model.tokenizer.decoder(model.tokenizer.quantize(given.indices).contiguous()),
        lambda: networks.predict(given.windows, given.masked, given.assist),
    ]
    return dict(zip(REFERENCE, works, strict=True))


def random_model(device: str) -> UlbicModel:
    """`base` as published."""
    torch.manual_seed(0)
    return UlbicModel(BASE).eval().requires_grad_(False).to(device)


def ready(model: UlbicModel) -> Bundle:
    """The same as ulbic codes with it; changes `model`."""
    tables = export_tables(model)
    device = next(model.parameters()).device
    profile = profile_of_file(Path("random"), "0" * 64, model.config.continuous.gains, "bfloat16")
    return make_bundle(model.to(memory_format=torch.channels_last), tables, profile, device)


def whole_path(bundle: Bundle) -> dict[str, Work]:
    """A 768x512 picture to a file and back."""
    pixels = np.random.default_rng(0).integers(0, 256, (32, 48, 3), np.uint8)
    picture = Image.fromarray(pixels).resize((768, 512), Image.Resampling.BICUBIC)
    point = bundle.profile.rate_point()
    container = read_container(encode_picture(bundle, picture, point).data)
    return {
        "encode": lambda: encode_picture(bundle, picture, point),
        "decode": lambda: decode_picture(bundle, container),
    }


KINDS: dict[str, Callable[[UlbicModel, Inputs], dict[str, Work]]] = {
    "published": published_parts,
    "ulbic": lambda model, given: our_parts(ready(model), given),
    "whole path": lambda model, _: whole_path(ready(model)),
}
