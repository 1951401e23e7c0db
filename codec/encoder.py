"""Picture to bytes.

picture ─ analyse_picture, tile by tile ┬ networks.analyse ─ latents ──────┐
                                        └ networks.tokenise ─ index map ───┤
          encode_features ┬ y, z ─ encode_latents ──┐ <────────────────────┘
                          └ index mode's encode ────┴ container
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ulbic.bitstream.container import Chunk, Header, write_container
from ulbic.bitstream.symbols import SymbolWriter
from ulbic.errors import SettingsError, UlbicError
from ulbic.models.config import LATENT_STRIDE, TOKEN_STRIDE

from .bundle import Bundle
from .exactness import GUARD, OFFSETS, ExactRounding, NearBoundaryError
from .extras import NO_EXTRAS, Extras, pack_extras
from .images import to_tensor
from .index_mode import IndexContext
from .index_modes import INDEX_MODES
from .latents import encode_latents
from .profiles import RatePoint
from .progress import Listener, Progress
from .windows import MARGIN, TILE, Window, tiles

_CODING = 0.3  # time for coding a latent, where analysing it takes 1


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
    """A file, and what the encoder knows of it."""

    data: bytes
    header: Header
    digest: str  # SHA-256 of the symbols
    ideal_bits: float  # sum of -log2 p of the symbols


@torch.no_grad()
def analyse_picture(
    bundle: Bundle, picture: Image.Image, extras: Extras = NO_EXTRAS, listener: Listener | None = None
) -> PictureFeatures:
    """Runs both encoders over an RGB picture of any size, in the memory of one tile.

    Raises:
        LimitError: the format has no room for something in `extras`.
    """
    networks = bundle.networks
    rows, columns = -(-picture.height // LATENT_STRIDE), -(-picture.width // LATENT_STRIDE)
    latents = torch.empty(1, networks.sizes.latents, rows, columns, device=networks.device)
    latents = latents.contiguous(memory_format=torch.channels_last)
    progress = Progress(listener, (1 + _CODING) * rows * columns)
    tokens = torch.empty(1, 2 * rows, 2 * columns, dtype=torch.int64, device=networks.device)
    for tile in itertools.chain(*tiles(rows, columns, TILE // 2)):
        outer = tile.grown(MARGIN // 2, rows, columns)
        image = to_tensor(_cut(picture, outer), LATENT_STRIDE).to(networks.device)
        inner = tile.within(outer)
        tile.of(latents)[:] = inner.of(networks.analyse(image))
        tile.of(tokens, 2)[:] = inner.of(networks.tokenise(image), 2)
        progress.add(tile.height * tile.width)
    height, width = -(-picture.height // TOKEN_STRIDE), -(-picture.width // TOKEN_STRIDE)
    return PictureFeatures(
        width=picture.width,
        height=picture.height,
        latents=latents,
        indices=tokens[0, :height, :width].cpu().numpy(),
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
        SettingsError: the model does not have that gain, or there is no such index mode.
        LimitError: the format has no room for the picture's size.
    """
    networks, tables, mode = bundle.networks, bundle.tables, INDEX_MODES.named(point.index_mode)
    highest = networks.sizes.gains - 1
    if point.gain > highest:
        raise SettingsError(f"gain {point.gain:g}: those of model {bundle.profile.name!r} end at {highest}")
    gain = torch.tensor([point.gain], dtype=torch.float32, device=networks.device)
    y, z = networks.hyper_analyse(features.latents, gain)
    raw = mode.prefers_raw(features.indices, tables.index)

    for offset in range(OFFSETS):
        writer, rounding = SymbolWriter(), ExactRounding(offset, GUARD)
        try:
            y_hat = encode_latents(writer, networks, tables, y, z, rounding)
            context = IndexContext(
                y_hat=y_hat, networks=networks, rounding=rounding, table=tables.index, raw=raw
            )
            mode.encode(writer, features.indices, context)
        except NearBoundaryError:
            continue
        header = Header(
            width=features.width,
            height=features.height,
            model_number=bundle.profile.number,
            weights_tag=bundle.profile.tag,
            gain=point.gain,
            index_mode=mode.number,
            raw_indices=raw,
            rounding=offset,
            grey=features.grey,
            chunks=features.chunks,
        )
        data = write_container(header, writer.finish())
        return EncodedPicture(data, header, writer.digest.hexdigest(), writer.ideal_bits)
    raise UlbicError("no rounding offset keeps every value off a boundary")


def encode_picture(bundle: Bundle, picture: Image.Image, point: RatePoint) -> EncodedPicture:
    """Both steps for one rate point. Raises what `encode_features` raises."""
    return encode_features(bundle, analyse_picture(bundle, picture), point)
