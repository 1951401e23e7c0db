"""Picture to bytes.

picture ─ pad ┬ halve ─ analysis ─ y, z ─ encode_latents ┐
              └ tokenizer ─ index map ── encode_indices ─┴ container
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from PIL import Image

from ulbic.bitstream.container import Header, write_container
from ulbic.bitstream.symbols import SymbolWriter
from ulbic.errors import UlbicError
from ulbic.models.config import LATENT_STRIDE, TOKEN_STRIDE
from ulbic.models.model import reduce

from .bundle import Bundle
from .continuous_stream import encode_latents
from .exactness import GUARD, OFFSETS, ExactRounding, NearBoundaryError
from .images import to_tensor
from .quality import RatePoint
from .token_stream import encode_indices, prefers_raw


class EncodedPicture(NamedTuple):
    """A file, and what the encoder knows of its symbols."""

    data: bytes
    digest: str  # SHA-256 of the symbols
    ideal_bits: float  # sum of -log2 p of the symbols


@torch.no_grad()
def encode_picture(bundle: Bundle, picture: Image.Image, point: RatePoint) -> EncodedPicture:
    """The bytes of a .ulb file for an RGB picture of any size.

    Raises:
        LimitError: the format has no room for its size.
    """
    model = bundle.model
    image = to_tensor(picture, LATENT_STRIDE).to(bundle.device)
    gain_index = min(point.gain, model.config.continuous.gains - 1)
    gain = torch.tensor([gain_index], device=bundle.device)
    with bundle.pixel_precision():
        y = model.continuous.analyse(reduce(image), gain).float()
        token_map = model.tokenizer.indices(image)
    z = model.continuous.hyper_analyse(y)
    rows, columns = (-(-side // TOKEN_STRIDE) for side in (picture.height, picture.width))
    indices = token_map[0, :rows, :columns].cpu().numpy()
    raw = prefers_raw(indices, point.schedule, bundle.index_table)

    for rounding in range(OFFSETS):
        writer = SymbolWriter()
        try:
            encode_latents(writer, bundle, y, z, ExactRounding(rounding, GUARD))
        except NearBoundaryError:
            continue
        encode_indices(writer, indices, point.schedule, bundle.index_table, raw)
        header = Header(
            width=picture.width,
            height=picture.height,
            model_id=bundle.model_id,
            weights_tag=bundle.weights_tag,
            gain=gain_index,
            schedule=point.schedule,
            raw_indices=raw,
            rounding=rounding,
        )
        data = write_container(header, writer.finish())
        return EncodedPicture(data, writer.digest.hexdigest(), writer.ideal_bits)
    raise UlbicError("no rounding offset keeps every value off a boundary")
