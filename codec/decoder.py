"""Bytes to picture, the mirror of `encoder`.

container ┬ decode_latents ─ y_hat ─ Restoring (restore, assist, correct) ─┐
          └ index mode's decode ─ index map ─ Completion <─────────────────┤
                                                 └── paint_map, window by window, crop
"""

from __future__ import annotations

import logging
import time
import warnings
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ulbic.bitstream.boosts import read_boosts
from ulbic.bitstream.container import Container, Header
from ulbic.bitstream.symbols import PartialReader, SymbolReader
from ulbic.errors import DamagedError, WeightsError
from ulbic.models.config import latent_size, token_size

from .boosts import gains_of
from .bundle import Bundle
from .exactness import ExactRounding
from .index_mode import IndexContext
from .index_modes import mode_of_file
from .latents import decode_latents
from .maskgit import DECODING, Completion, MaskGitConfig
from .painting import paint_map, paint_restoration
from .progress import Listener, Progress
from .restoring import Restoring
from .windows import pixel_windows

_SYMBOLS, _PREDICTION = 0.1, 0.6  # time for an index, where painting it takes 1

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Symbols:
    """Everything that the payload says; the same on every machine."""

    header: Header
    boosts: np.ndarray | None  # (h, w) int64, half gain steps that a cell has above the header's
    y_hat: Tensor  # (1, latents, h, w) float64
    indices: np.ndarray  # (rows, columns) int64, 0 where not received
    received: np.ndarray  # (rows, columns) bool
    complete: bool  # the checksum matches
    missing: float  # share of the symbols that a cut took away, 0 to 1
    digest: str  # SHA-256 of all symbols in coding order; empty for a cut file


@torch.no_grad()
def decode_symbols(bundle: Bundle, container: Container) -> Symbols:
    """Reads the payload.

    Raises:
        WeightsError: the file was made with other weights.
        VersionError: it has an index mode of the future.
        DamagedError: no encoder writes such a payload, or such a gain.
    """
    header, payload = container.header, container.payload
    networks, tables = bundle.networks, bundle.tables
    _check_weights(header, bundle)
    mode = mode_of_file(header.index_mode)
    if header.gain > networks.sizes.gains - 1:
        raise DamagedError(f"the file asks for gain {header.gain}, which the model does not have")
    cells = latent_size(header.width, header.height)

    reader = SymbolReader(payload) if container.complete else PartialReader(payload, whole=container.whole)
    boosts = read_boosts(reader, cells) if header.boosted else None
    rounding = ExactRounding(header.rounding)
    y_hat = decode_latents(reader, networks, tables, cells, rounding)
    context = IndexContext(
        y_hat=y_hat,
        gains=gains_of(header.gain, boosts, networks),
        networks=networks,
        rounding=rounding,
        table=tables.index,
        raw=header.raw_indices,
    )
    size = token_size(header.width, header.height)
    indices, received = mode.decode(reader, size, context)
    _LOG.info("gain %g, index mode %s: %d bytes of payload", header.gain, mode.name, len(payload))
    return Symbols(
        header=header,
        boosts=boosts,
        y_hat=y_hat,
        indices=indices,
        received=received,
        complete=container.complete,
        missing=0.0 if isinstance(reader, SymbolReader) else reader.missing_share,
        digest=reader.digest.hexdigest() if isinstance(reader, SymbolReader) else "",
    )


def _check_weights(header: Header, bundle: Bundle) -> None:
    asked = header.model_number, header.weights_tag
    given = bundle.profile.number, bundle.profile.tag
    if asked != given:
        raise WeightsError(
            "the file was made with weights {}:{:03x}, these are {}:{:03x}".format(*asked, *given)
        )


@torch.no_grad()
def decode_picture(
    bundle: Bundle,
    container: Container,
    *,
    preview: bool = False,
    maskgit: MaskGitConfig = DECODING,
    listener: Listener | None = None,
) -> Image.Image:
    """The RGB picture of a file, or with `preview` its restoration. Raises what `decode_symbols` raises."""
    symbols = decode_symbols(bundle, container)
    if not symbols.complete:
        missing = f"{symbols.missing:.0%} of its symbols are missing"
        warnings.warn(f"the file is cut off or damaged: {missing}", stacklevel=2)
    started = time.perf_counter()
    restoring = restoring_of(bundle, symbols)
    if preview:
        pixels = paint_restoration(restoring, *symbols.indices.shape)
    else:
        pixels = _completed_and_painted(bundle, symbols, restoring, maskgit, listener)
    what = "the continuous stream" if preview else "the picture"
    _LOG.info("%s painted in %.2f s", what, time.perf_counter() - started)
    return Image.fromarray(pixels[: symbols.header.height, : symbols.header.width])


def restoring_of(bundle: Bundle, symbols: Symbols) -> Restoring:
    """What the continuous stream of a file has to say."""
    gain = gains_of(symbols.header.gain, symbols.boosts, bundle.networks)
    return Restoring(bundle.networks, symbols.y_hat, gain)


def _completed_and_painted(
    bundle: Bundle, symbols: Symbols, restoring: Restoring, maskgit: MaskGitConfig, listener: Listener | None
) -> np.ndarray:
    networks = bundle.networks
    indices = torch.from_numpy(symbols.indices).to(networks.device)
    received = torch.from_numpy(symbols.received).to(networks.device)
    painted = sum(window.height * window.width for row in pixel_windows(*indices.shape) for window in row)
    predicted = _PREDICTION * int((~symbols.received).sum())
    progress = Progress(listener, _SYMBOLS * symbols.indices.size + predicted + painted)
    progress.add(_SYMBOLS * symbols.indices.size)
    completion = Completion(
        networks,
        indices,
        received,
        restoring.assist,
        maskgit,
        lambda count: progress.add(_PREDICTION * count),
    )
    return paint_map(networks, completion.indices, received, restoring, completion.reach, progress.add)
