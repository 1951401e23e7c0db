"""Picture to bytes.

picture ─ analyse_picture, tile by tile ─ networks.analyse ─ latents
          encode_features ┬ y, z ─ (annealing) ─ encode_latents ─ y_hat ────────────────┐
                          └ index map ─ index mode's choice (worth of each) ─ its encode ┴ container
"""

from __future__ import annotations

import itertools
import logging
import time
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ulbic.bitstream.boosts import write_boosts
from ulbic.bitstream.container import Chunk, Header, write_container
from ulbic.bitstream.symbols import SymbolWriter
from ulbic.errors import SettingsError, UlbicError
from ulbic.models.config import latent_size, token_size

from .annealing import Annealing
from .boosts import gains_of
from .bundle import Bundle
from .exactness import GUARD, OFFSETS, ExactRounding, NearBoundaryError
from .extras import NO_EXTRAS, Extras, pack_extras
from .images import tile_tensor
from .index_mode import IndexContext, IndexMode, ReceivedIndices
from .index_modes import INDEX_MODES
from .latents import encode_latents
from .profiles import RatePoint
from .progress import Listener, Progress
from .settings import EFFORT_STEPS
from .tokenising import Tokenising
from .windows import MARGIN, TILE, tiles

_CODING = 0.3  # time for coding a latent, where analysing it takes 1
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PictureFeatures:
    """What the encoders say of a picture, whatever the rate."""

    width: int  # pixels
    height: int
    latents: Tensor  # (1, latents, h, w) float32, before the gain
    tokenising: Tokenising  # for the index map, where one is sent
    grey: bool  # and what travels beside the pixels
    chunks: tuple[Chunk, ...]
    annealing: Annealing | None = None  # of the latents, at each rate; None: they stay
    boosts: np.ndarray | None = None  # (h, w) int64, half gain steps that a cell has above the rate point's


class EncodedPicture(NamedTuple):
    """A file, and what the encoder knows of it."""

    data: bytes
    header: Header
    digest: str  # SHA-256 of the symbols
    ideal_bits: float  # sum of -log2 p of the symbols


@torch.no_grad()
def analyse_picture(
    bundle: Bundle,
    picture: Image.Image,
    extras: Extras = NO_EXTRAS,
    boosts: np.ndarray | None = None,
    effort: int = 0,
    listener: Listener | None = None,
) -> PictureFeatures:
    """Runs the continuous encoder over an RGB picture of any size, in the memory of one tile.

    Args:
        effort: 0 to 3, how long the latents are to be annealed at every rate.

    Raises:
        LimitError: the format has no room for something in `extras`.
        SettingsError: nothing is known of the model that annealing could aim at.
    """
    started, networks, annealing = time.perf_counter(), bundle.networks, _annealing(bundle, picture, effort)
    rows, columns = latent_size(*picture.size)
    latents = torch.empty(1, networks.sizes.latents, rows, columns, device=networks.device)
    latents = latents.contiguous(memory_format=torch.channels_last)
    progress = Progress(listener, (1 + _CODING) * rows * columns)
    for tile in itertools.chain(*tiles(rows, columns, TILE // 2)):
        outer = tile.grown(MARGIN // 2, rows, columns)
        image = tile_tensor(picture, outer).to(networks.device)
        tile.of(latents)[:] = tile.within(outer).of(networks.analyse(image))
        progress.add(tile.height * tile.width)
    seconds = time.perf_counter() - started
    _LOG.info("%d x %d pixels analysed in %.2f s", picture.width, picture.height, seconds)
    return PictureFeatures(
        width=picture.width,
        height=picture.height,
        latents=latents,
        tokenising=Tokenising(networks, picture),
        annealing=annealing,
        grey=extras.grey,
        chunks=pack_extras(extras),
        boosts=boosts,
    )


def _annealing(bundle: Bundle, picture: Image.Image, effort: int) -> Annealing | None:
    if effort == 0:
        return None
    if bundle.profile.tradeoff is None:
        raise SettingsError(f"model {bundle.profile.name!r} has no effort but 0")
    return Annealing(bundle.networks, picture, bundle.profile.tradeoff, EFFORT_STEPS[effort])


@torch.no_grad()
def encode_features(bundle: Bundle, features: PictureFeatures, point: RatePoint) -> EncodedPicture:
    """The bytes of a .ulb file at one rate point.

    Raises:
        SettingsError: the model does not have that gain or none to boost, or there is no such index mode.
        LimitError: the format has no room for the picture's size.
    """
    networks, tables, mode = bundle.networks, bundle.tables, INDEX_MODES.named(point.index_mode)
    highest = networks.sizes.gains - 1
    if point.gain > highest:
        raise SettingsError(f"gain {point.gain:g}: those of model {bundle.profile.name!r} end at {highest}")
    boosts = features.boosts
    if boosts is not None and highest == 0:
        raise SettingsError(f"model {bundle.profile.name!r} has one gain, and no higher one for a region")
    gains = gains_of(point.gain, boosts, networks)
    y, z = networks.hyper_analyse(features.latents, gains)
    if features.annealing is not None:
        y = features.annealing.latents(y, z, gains)

    for offset in range(OFFSETS):
        writer, rounding = SymbolWriter(), ExactRounding(offset, GUARD)
        if boosts is not None:
            write_boosts(writer, boosts)
        try:
            y_hat = encode_latents(writer, networks, tables, y, z, rounding)
            sent = _sent_indices(mode, features, y_hat, gains)
            context = IndexContext(
                y_hat=y_hat, gains=gains, networks=networks, rounding=rounding, table=tables.index
            )
            raw = mode.prefers_raw(sent, context)
            mode.encode(writer, sent, replace(context, raw=raw))
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
            boosted=boosts is not None,
            chunks=features.chunks,
        )
        data = write_container(header, writer.finish())
        _LOG.info("gain %g, index mode %s: %d bytes", point.gain, mode.name, len(data))
        return EncodedPicture(data, header, writer.digest.hexdigest(), writer.ideal_bits)
    raise UlbicError("no rounding offset keeps every value off a boundary")


def _sent_indices(
    mode: IndexMode, features: PictureFeatures, y_hat: Tensor, gains: Tensor
) -> ReceivedIndices:
    size = token_size(features.width, features.height)
    if mode.sends_nothing:
        return ReceivedIndices(np.zeros(size, np.int64), np.zeros(size, bool))
    indices = features.tokenising.index_map(y_hat, gains)
    sent = mode.choose(size, lambda: features.tokenising.worth(indices, y_hat, gains))
    return ReceivedIndices(indices, sent)


def encode_picture(bundle: Bundle, picture: Image.Image, point: RatePoint) -> EncodedPicture:
    """Both steps for one rate point. Raises what `encode_features` raises."""
    return encode_features(bundle, analyse_picture(bundle, picture), point)
