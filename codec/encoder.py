"""Picture to bytes.

picture ─ analyse_picture, tile by tile ┬ halve ─ analysis ─ y ────┐
                                        └ tokenizer ─ index map ───┤
          encode_features ┬ y, z ─ encode_latents ┐ <──────────────┘
                          └ encode_indices ───────┴ container
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ulbic.bitstream.container import Chunk, Header, write_container
from ulbic.bitstream.symbols import SymbolWriter
from ulbic.errors import UlbicError
from ulbic.models.config import LATENT_STRIDE, TOKEN_STRIDE
from ulbic.models.model import reduce

from .bundle import Bundle
from .continuous_stream import encode_latents
from .exactness import GUARD, OFFSETS, ExactRounding, NearBoundaryError
from .extras import NO_EXTRAS, Extras, pack_extras
from .images import to_tensor
from .quality import RatePoint
from .token_stream import encode_indices, prefers_raw
from .windows import MARGIN, TILE, Window, windows


@dataclass(frozen=True, kw_only=True)
class PictureFeatures:
    """What the encoders say of a picture, whatever the rate."""

    width: int  # pixels
    height: int
    latents: Tensor  # (1, latents, h, w) float32, before the gain
    indices: np.ndarray  # (rows, columns) int64
    grey: bool  # and what travels beside the pixels
    chunks: tuple[Chunk, ...]


class EncodedPicture(NamedTuple):
    """A file, and what the encoder knows of its symbols."""

    data: bytes
    digest: str  # SHA-256 of the symbols
    ideal_bits: float  # sum of -log2 p of the symbols


@torch.no_grad()
def analyse_picture(bundle: Bundle, picture: Image.Image, extras: Extras = NO_EXTRAS) -> PictureFeatures:
    """Runs both encoders over an RGB picture of any size, in the memory of one tile.

    Raises:
        LimitError: the format has no room for something in `extras`.
    """
    model = bundle.model
    rows, columns = -(-picture.height // LATENT_STRIDE), -(-picture.width // LATENT_STRIDE)
    latents = torch.empty(1, model.config.continuous.latents, rows, columns, device=bundle.device)
    latents = latents.contiguous(memory_format=torch.channels_last)
    tokens = torch.empty(1, 2 * rows, 2 * columns, dtype=torch.int64, device=bundle.device)
    for tile in windows(rows, columns, TILE // 2, 0):
        outer = tile.grown(MARGIN // 2, rows, columns)
        image = to_tensor(_cut(picture, outer), LATENT_STRIDE).to(bundle.device)
        inner = tile.within(outer)
        with bundle.pixel_precision():
            tile.of(latents)[:] = inner.of(model.continuous.transform(reduce(image)))
            tile.of(tokens, 2)[:] = inner.of(model.tokenizer.indices(image), 2)
    height, width = -(-picture.height // TOKEN_STRIDE), -(-picture.width // TOKEN_STRIDE)
    indices = tokens[0, :height, :width].cpu().numpy()
    return PictureFeatures(
        width=picture.width,
        height=picture.height,
        latents=latents,
        indices=indices,
        grey=extras.grey,
        chunks=pack_extras(extras),
    )


def _cut(picture: Image.Image, window: Window) -> Image.Image:
    """The pixels of a window of latents, as far as the picture has them."""
    left, top = window.left * LATENT_STRIDE, window.top * LATENT_STRIDE
    right = min(left + window.width * LATENT_STRIDE, picture.width)
    bottom = min(top + window.height * LATENT_STRIDE, picture.height)
    return picture.crop((left, top, right, bottom))


@torch.no_grad()
def encode_features(bundle: Bundle, features: PictureFeatures, point: RatePoint) -> EncodedPicture:
    """The bytes of a .ulb file at one rate point.

    Raises:
        LimitError: the format has no room for the picture's size.
    """
    stream = bundle.model.continuous
    gain = min(point.gain, stream.config.gains - 1)
    y = stream.amplify(features.latents, torch.tensor([gain], dtype=torch.float32, device=bundle.device))
    z = stream.hyper_analyse(y)
    raw = prefers_raw(features.indices, point.schedule, bundle.index_table)

    for rounding in range(OFFSETS):
        writer = SymbolWriter()
        try:
            encode_latents(writer, bundle, y, z, ExactRounding(rounding, GUARD))
        except NearBoundaryError:
            continue
        encode_indices(writer, features.indices, point.schedule, bundle.index_table, raw)
        header = Header(
            width=features.width,
            height=features.height,
            model_id=bundle.model_id,
            weights_tag=bundle.weights_tag,
            gain=gain,
            schedule=point.schedule,
            raw_indices=raw,
            rounding=rounding,
            grey=features.grey,
            chunks=features.chunks,
        )
        data = write_container(header, writer.finish())
        return EncodedPicture(data, writer.digest.hexdigest(), writer.ideal_bits)
    raise UlbicError("no rounding offset keeps every value off a boundary")


def encode_picture(bundle: Bundle, picture: Image.Image, point: RatePoint) -> EncodedPicture:
    """Both steps for one rate point. Raises what `encode_features` raises."""
    return encode_features(bundle, analyse_picture(bundle, picture), point)
