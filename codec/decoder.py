"""Bytes to picture, the mirror of `encoder`.

container ┬ decode_latents ─ y_hat ─ ContinuousPart (synthesis, bridge) ┐
          └ decode_indices ─ index map ─ complete_indices <─────────────┤
                                            └── paint, tile by tile, crop
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ulbic.bitstream.container import CRC_BYTES, MAX_PIXELS, Header, read_container
from ulbic.bitstream.symbols import PartialReader, SymbolReader
from ulbic.errors import DamagedError, WeightsError
from ulbic.models.config import LATENT_STRIDE, TOKEN_STRIDE
from ulbic.models.zoo import FILE_MODEL_ID

from .bundle import Bundle
from .continuous_part import ContinuousPart
from .continuous_stream import decode_latents
from .exactness import ExactRounding
from .maskgit import MaskGitConfig, complete_indices
from .painting import paint, preview
from .token_stream import decode_indices


@dataclass(frozen=True, kw_only=True)
class Symbols:
    """Everything that the payload says; the same on every machine."""

    header: Header
    y_hat: Tensor  # (1, latents, h, w) float64
    indices: np.ndarray  # (rows, columns) int64, 0 where not received
    received: np.ndarray  # (rows, columns) bool
    complete: bool  # the checksum matches
    missing: float  # share of the symbols that a cut took away, 0 to 1
    digest: str  # SHA-256 of all symbols in coding order; empty for a cut file
    seed: int


@dataclass(frozen=True, kw_only=True)
class DecodeOptions:
    """How to decode."""

    max_pixels: int = MAX_PIXELS
    allow_partial: bool = False  # take what is left of a truncated file
    preview: bool = False  # the continuous stream's own picture, without the predictor and the decoder
    maskgit: MaskGitConfig = MaskGitConfig()


@torch.no_grad()
def decode_symbols(bundle: Bundle, data: bytes, options: DecodeOptions = DecodeOptions()) -> Symbols:
    """Reads the container and the payload.

    Raises:
        NotUlbError, VersionError, DamagedError, LimitError: see `read_container`.
        WeightsError: the file was made with other weights.
    """
    header, payload, complete = read_container(data, options.max_pixels, allow_partial=options.allow_partial)
    config = bundle.model.config
    _check_weights(header, bundle)
    if header.gain > config.continuous.gains - 1:
        raise DamagedError(f"the file asks for gain {header.gain}, which the model does not have")
    latent_size = (-(-header.height // LATENT_STRIDE), -(-header.width // LATENT_STRIDE))
    token_size = (-(-header.height // TOKEN_STRIDE), -(-header.width // TOKEN_STRIDE))

    reader = SymbolReader(payload) if complete else PartialReader(payload)
    y_hat = decode_latents(reader, bundle, latent_size, ExactRounding(header.rounding))
    indices, received = decode_indices(
        reader, token_size, header.schedule, bundle.index_table, header.raw_indices
    )
    return Symbols(
        header=header,
        y_hat=y_hat,
        indices=indices,
        received=received,
        complete=complete,
        missing=0.0 if isinstance(reader, SymbolReader) else reader.missing_share,
        digest=reader.digest.hexdigest() if isinstance(reader, SymbolReader) else "",
        seed=int.from_bytes(data[-CRC_BYTES:], "big"),
    )


def _check_weights(header: Header, bundle: Bundle) -> None:
    asked, given = (header.model_id, header.weights_tag), (bundle.model_id, bundle.weights_tag)
    if asked == given:
        return
    if header.model_id == FILE_MODEL_ID != bundle.model_id:
        raise WeightsError(
            f"the file was made with a weight file of tag {header.weights_tag:03x}: give it by --weights"
        )
    raise WeightsError("the file was made with weights {}:{:03x}, these are {}:{:03x}".format(*asked, *given))


@torch.no_grad()
def decode_picture(bundle: Bundle, data: bytes, options: DecodeOptions = DecodeOptions()) -> Image.Image:
    """The RGB picture of a .ulb file. Raises what `decode_symbols` raises."""
    symbols = decode_symbols(bundle, data, options)
    if not symbols.complete:
        missing = f"{symbols.missing:.0%} of its symbols are missing"
        warnings.warn(f"the file is cut off or damaged: {missing}", stacklevel=2)
    rows, columns = symbols.indices.shape
    continuous = ContinuousPart(bundle.model, symbols.y_hat, symbols.header.gain)
    with bundle.pixel_precision():
        if options.preview:
            pixels = preview(continuous, rows, columns)
        else:
            pixels = _completed_and_painted(bundle, symbols, continuous, options)
    return Image.fromarray(pixels[: symbols.header.height, : symbols.header.width])


def _completed_and_painted(
    bundle: Bundle, symbols: Symbols, continuous: ContinuousPart, options: DecodeOptions
) -> np.ndarray:
    indices = torch.from_numpy(symbols.indices).to(bundle.device)
    received = torch.from_numpy(symbols.received).to(bundle.device)
    completed = complete_indices(
        bundle.model.predictor, indices, received, continuous.assist, options.maskgit, symbols.seed
    )
    return paint(bundle.model, completed, received, continuous)
