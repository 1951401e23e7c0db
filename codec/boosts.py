"""Regions of interest to boosts of latent cells, and these to gains."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ulbic.bitstream.boosts import BOOST_STEPS
from ulbic.errors import SettingsError
from ulbic.models.config import LATENT_STRIDE, latent_size

from .images import read_mask
from .networks import Networks
from .regions import Box, Mask, Region, label

_SHADES = 4  # of a mask: a soft edge of more would cost more than it is worth


def boost_map(regions: tuple[Region, ...], width: int, height: int) -> np.ndarray | None:
    """Boosts (h, w) int64 of the cells of a picture, in half gain steps; None where none has any.

    A cell has the highest boost of what touches it.

    Raises:
        SettingsError: a region is not inside the picture, or a mask not of its size.
        InputError, ImageError, LimitError: a mask cannot be read.
    """
    boosts = np.zeros(latent_size(width, height), np.int64)
    for region in regions:
        own = _of_box(region, width, height) if isinstance(region, Box) else _of_mask(region, width, height)
        boosts = np.maximum(boosts, own)
    return boosts if boosts.any() else None


def _of_box(box: Box, width: int, height: int) -> np.ndarray:
    right, bottom = box.left + box.width, box.top + box.height
    if right > width or bottom > height:
        raise SettingsError(f"{label(box)} is not inside the picture of {width} x {height} pixels")
    boosts = np.zeros(latent_size(width, height), np.int64)
    touched = boosts[: -(-bottom // LATENT_STRIDE), : -(-right // LATENT_STRIDE)]
    touched[box.top // LATENT_STRIDE :, box.left // LATENT_STRIDE :] = round(box.boost * BOOST_STEPS)
    return boosts


def _of_mask(mask: Mask, width: int, height: int) -> np.ndarray:
    picture = read_mask(mask.source, label(mask))
    if picture.size != (width, height):
        size = f"{picture.width} x {picture.height}"
        raise SettingsError(f"{label(mask)} has {size} pixels, the picture {width} x {height}")
    pixels = np.asarray(picture)
    pixels = np.pad(pixels, ((0, -height % LATENT_STRIDE), (0, -width % LATENT_STRIDE)))
    rows, columns = pixels.shape[0] // LATENT_STRIDE, pixels.shape[1] // LATENT_STRIDE
    brightest = pixels.reshape(rows, LATENT_STRIDE, columns, LATENT_STRIDE).max((1, 3))
    shades = np.rint(brightest / 255 * _SHADES) / _SHADES
    return np.rint(shades * mask.boost * BOOST_STEPS).astype(np.int64)


def gains_of(gain: float, boosts: np.ndarray | None, networks: Networks) -> Tensor:
    """The gain for the networks: (1,), or with boosts (h, w) that of every cell, (1, h, w); float32.

    None is above the model's last.
    """
    if boosts is None:
        return torch.tensor([gain], dtype=torch.float32, device=networks.device)
    gains = np.minimum(gain + boosts / BOOST_STEPS, networks.sizes.gains - 1)
    return torch.from_numpy(gains[None].astype(np.float32)).to(networks.device)
