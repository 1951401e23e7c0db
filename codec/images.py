"""Picture files to 8-bit RGB arrays and back; arrays to padded tensors and back."""

from __future__ import annotations

import io
import os
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from ulbic.bitstream.container import MAX_PIXELS
from ulbic.bitstream.describe import read_bytes
from ulbic.errors import ImageError, LimitError

Source = str | os.PathLike[str] | bytes | Image.Image


def load_picture(source: Source) -> Image.Image:
    """RGB, 8 bits a channel, from a path, a file's bytes or a PIL image.

    Grey and palette pictures become RGB, 16-bit samples are scaled to 8 bits, alpha is flattened on
    white with a warning.

    Raises:
        InputError: the file cannot be read.
        ImageError: it is not a picture.
        LimitError: too many pixels.
    """
    if isinstance(source, Image.Image):
        return _to_rgb(source)
    data = source if isinstance(source, bytes) else read_bytes(source)
    label = "the input" if isinstance(source, bytes) else repr(os.fspath(source))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(data))
            if picture.width * picture.height > MAX_PIXELS:
                raise LimitError(f"{label} has more than {MAX_PIXELS} pixels")
            picture.load()
    except UnidentifiedImageError:
        raise ImageError(f"{label} is not a picture that can be read") from None
    except Image.DecompressionBombError:
        raise LimitError(f"{label} has more than {MAX_PIXELS} pixels") from None
    except (OSError, ValueError, SyntaxError) as error:
        raise ImageError(f"{label} is a damaged picture: {error}") from None
    return _to_rgb(picture)


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode in ("I", "I;16", "I;16B", "I;16L"):
        wide = np.asarray(picture).astype(np.int64)
        return Image.fromarray((wide.clip(0, 65535) / 257).round().astype(np.uint8)).convert("RGB")
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        with_alpha = picture.convert("RGBA")
        if with_alpha.getchannel("A").getextrema() != (255, 255):
            warnings.warn("transparency is flattened on white", stacklevel=3)
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, with_alpha).convert("RGB")
    return picture.convert("RGB")


def to_tensor(picture: Image.Image, multiple: int) -> Tensor:
    """(1, 3, H, W) float32 in [0, 1], edges repeated to the right and below up to the multiple."""
    tensor = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 255
    height, width = tensor.shape[2:]
    padded = F.pad(tensor, (0, -width % multiple, 0, -height % multiple), mode="replicate")
    return padded.contiguous(memory_format=torch.channels_last)


def to_pixels(tensor: Tensor) -> np.ndarray:
    """The inverse of `to_tensor` but for the edges: clips, rounds to (H, W, 3) uint8."""
    return tensor[0].clamp(0, 1).mul(255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
