"""The public functions: `ulbic.encode` and `ulbic.decode`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from PIL import Image

from ulbic.bitstream.container import Container, Header, read_container
from ulbic.errors import UlbicError
from ulbic.files import File, read_file

from .boosts import boost_map
from .bundle import Bundle, load_bundle
from .decoder import decode_picture, decode_symbols
from .encoder import EncodedPicture, analyse_picture, encode_features
from .extras import add_extras, unpack_extras
from .images import Source, read_picture
from .profiles import PROFILES, profile_of_model
from .progress import Listener
from .rate_control import encode_to_budget
from .regions import regions_of
from .settings import DecodeSettings, EncodeSettings


def encode(
    source: Source, quality: int | None = None, *, listener: Listener | None = None, **options: Any
) -> bytes:
    """Compresses a picture.

    Args:
        source: a path, the bytes of a picture file, the open file, a PIL image, or an array (h, w, 3) or
            (h, w) of uint8; any size from 1x1 pixel.
        quality: 1 (smallest) to as many as the model has, `tiny` 12.
        listener: called with the share of the work that is done, 0 to 1, now and then.
        options: the other fields of `EncodeSettings`: `target_size`, `target_bpp`, `strict`, `index_mode`,
            `effort`, `roi`, `keep_icc`, `keep_metadata`, `verify`, `model`, `weights`, `device`.

    Returns:
        The bytes of a .ulb file.

    Raises:
        UlbicError: one of its kinds (`ulbic.errors`) for every cause.
    """
    return encode_with(source, EncodeSettings(quality=quality, **options), listener).data


def encode_with(source: Source, settings: EncodeSettings, listener: Listener | None = None) -> EncodedPicture:
    """A file, its header, and what the encoder knows of its symbols. Raises what `encode` raises."""
    pixels, extras = read_picture(source, keep_icc=settings.keep_icc, keep_metadata=settings.keep_metadata)
    boosts = boost_map(regions_of(settings.roi), *pixels.size)
    model = None if settings.weights else PROFILES.named(settings.model)
    bundle = load_bundle(model, settings.device, settings.weights)
    settings.check(bundle.profile)
    features = analyse_picture(bundle, pixels, extras, boosts, settings.effort, listener)
    if settings.has_target:
        budget = settings.budget(pixels.width * pixels.height)
        encoded = encode_to_budget(
            bundle, features, budget, index_mode=settings.index_mode, strict=settings.strict
        )
    else:
        point = bundle.profile.rate_point(settings.quality, settings.index_mode)
        encoded = encode_features(bundle, features, point)
    if boosts is not None and encoded.header.gain == bundle.networks.sizes.gains - 1:
        warnings.warn("the regions are coded as the rest is: the model has no higher gain", stacklevel=2)
    if settings.verify:
        container = read_container(encoded.data, pixels.width * pixels.height)
        if decode_symbols(bundle, container).digest != encoded.digest:
            raise UlbicError("verification failed: the file does not decode to the symbols that were written")
    return encoded


def decode(source: File, *, listener: Listener | None = None, **options: Any) -> Image.Image:
    """Decompresses a .ulb file to a picture: RGB or L, with an alpha channel where one was sent.

    A colour profile, EXIF and XMP that were sent are in its `info`, as in that of a picture from any file.

    Args:
        source: a path, the bytes of the file, or the open file.
        listener: called with the share of the work that is done, 0 to 1, now and then.
        options: the fields of `DecodeSettings`: `max_pixels`, `allow_partial`, `preview`, `weights`,
            `device`.

    Raises:
        UlbicError: one of its kinds (`ulbic.errors`) for every cause.
    """
    settings = DecodeSettings(**options)
    container = read_container(read_file(source), settings.max_pixels, allow_partial=settings.allow_partial)
    return decode_with(container, settings, listener)


def decode_with(
    container: Container, settings: DecodeSettings, listener: Listener | None = None
) -> Image.Image:
    """The same for a file that was taken apart already."""
    extras = unpack_extras(container)
    bundle = bundle_for(container.header, settings.device, settings.weights)
    picture = decode_picture(bundle, container, preview=settings.preview, listener=listener)
    return add_extras(picture, extras)


def symbol_digest(source: File, *, device: str = "auto", weights: str | Path | None = None) -> str:
    """SHA-256 of all decoded symbols, hex: the same on every machine.

    Raises:
        UlbicError: one of its kinds (`ulbic.errors`) for every cause.
    """
    container = read_container(read_file(source))
    return decode_symbols(bundle_for(container.header, device, weights), container).digest


def bundle_for(header: Header, device: str = "auto", weights: str | Path | None = None) -> Bundle:
    """The model that a file names, or the one in `weights`.

    Raises:
        WeightsError: it is not here.
    """
    if weights is not None:
        return load_bundle(None, device, weights)
    return load_bundle(profile_of_model(header.model_number), device)
