"""Bytes to picture, the mirror of `encoder`.

container ┬ decode_latents ─ y_hat ─ synthesis ─ restoration ─ bridge ┐
          └ decode_indices ─ index map ─ complete_indices <───────────┤
                                            └── paint, window by window, crop
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from ulbic.bitstream.container import Header, read_container
from ulbic.bitstream.symbols import SymbolReader
from ulbic.models.bridge import BridgeFeatures
from ulbic.models.config import LATENT_STRIDE, TOKEN_STRIDE
from ulbic.models.model import UlbicModel

from ulbic.errors import DamagedError, WeightsError

from . import maskgit
from .bundle import Bundle
from .continuous_stream import decode_latents
from .exactness import ExactRounding
from .images import to_picture
from .schedule import sent_mask
from .token_stream import decode_indices
from .windows import PIXEL_OVERLAP, PIXEL_WINDOW, blend_weight, windows


@dataclass(frozen=True, kw_only=True)
class Symbols:
    """Everything that the payload says; the same on every machine."""

    header: Header
    y_hat: Tensor  # (1, latents, h, w) float64
    indices: np.ndarray  # (rows, columns) int64, 0 where not sent
    received: np.ndarray  # (rows, columns) bool
    seed: int


@torch.no_grad()
def decode_symbols(bundle: Bundle, data: bytes) -> Symbols:
    """Reads the container and the payload.

    Raises:
        NotUlbError, VersionError, DamagedError, LimitError: see `read_container`.
        WeightsError: the file was made with other weights.
    """
    header, payload = read_container(data)
    if (header.model_id, header.weights_tag) != (bundle.model_id, bundle.weights_tag):
        raise WeightsError(
            f"the file was made with weights {header.model_id}:{header.weights_tag:03x}, "
            f"these are {bundle.model_id}:{bundle.weights_tag:03x}"
        )
    config = bundle.model.config
    if header.gain >= config.continuous.gains:
        raise DamagedError(f"the file asks for gain {header.gain}, which the model does not have")
    latent_size = (-(-header.height // LATENT_STRIDE), -(-header.width // LATENT_STRIDE))
    token_size = (-(-header.height // TOKEN_STRIDE), -(-header.width // TOKEN_STRIDE))
    reader = SymbolReader(payload)
    y_hat = decode_latents(reader, bundle, latent_size, ExactRounding(header.rounding))
    indices = decode_indices(reader, token_size, header.schedule, config.tokenizer.codes)
    received = sent_mask(header.schedule, *token_size)
    seed = int.from_bytes(data[-2:], "big")
    return Symbols(header=header, y_hat=y_hat, indices=indices, received=received, seed=seed)


@torch.no_grad()
def decode_picture(
    bundle: Bundle, data: bytes, settings: maskgit.MaskGitConfig = maskgit.DEFAULT
) -> Image.Image:
    """The RGB picture of a .ulb file. Raises what `decode_symbols` raises."""
    symbols = decode_symbols(bundle, data)
    header, model = symbols.header, bundle.model
    restoration, features = continuous_features(bundle, symbols)
    indices = torch.from_numpy(symbols.indices).to(bundle.device)
    received = torch.from_numpy(symbols.received).to(bundle.device)
    completed = maskgit.complete_indices(
        model.predictor, indices, received, features.assist, settings, symbols.seed
    )
    pixels = paint_windows(model, completed, received, features, restoration)
    return to_picture(pixels, header.width, header.height)


def continuous_features(bundle: Bundle, symbols: Symbols) -> tuple[Tensor, BridgeFeatures]:
    """The restoration (1, 3, H, W) and the bridge's maps, cut to the size of the index map."""
    model, (rows, columns) = bundle.model, symbols.indices.shape
    gain = torch.tensor([symbols.header.gain], device=bundle.device)
    y_hat = symbols.y_hat.float()
    restoration = model.restore(y_hat, gain)
    features = model.bridge(y_hat, restoration)
    return restoration, features._replace(correction=features.correction[:, :, :rows, :columns])


def paint_windows(
    model: UlbicModel,
    indices: Tensor,
    received: Tensor,
    features: BridgeFeatures | None,
    restoration: Tensor | None,
) -> Tensor:
    """Pixels (1, 3, 16 rows, 16 columns) of a completed map, decoded in overlapping windows and blended."""
    rows, columns = indices.shape
    canvas = torch.zeros(1, 3, rows * TOKEN_STRIDE, columns * TOKEN_STRIDE, device=indices.device)
    weight = torch.zeros(canvas.shape[2:], device=indices.device)
    for window in windows(rows, columns, PIXEL_WINDOW, PIXEL_OVERLAP):
        local = None if features is None else BridgeFeatures(features.assist, window.of(features.correction))
        beneath = None if restoration is None else window.of(restoration, TOKEN_STRIDE)
        pixels = model.paint(window.of(indices)[None], window.of(received)[None], local, beneath)
        share = blend_weight(window).to(pixels.device)
        window.of(canvas, TOKEN_STRIDE).add_(pixels * share)
        window.of(weight, TOKEN_STRIDE).add_(share)
    return canvas / weight
