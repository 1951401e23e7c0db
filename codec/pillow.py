"""The .ulb format as a plugin of Pillow: `Image.open("x.ulb")`, `picture.save("x.ulb", quality=3)`.

Opening reads the header alone; torch is imported, and the networks run, when the pixels are asked for.
"""

from __future__ import annotations

from typing import IO, Any

from PIL import Image, ImageFile

from ulbic.bitstream.chunks import ALPHA
from ulbic.bitstream.container import read_container
from ulbic.errors import LimitError, UlbicError

from .quality import DEFAULT_QUALITY, QUALITIES

SETTINGS = ("quality", "schedule", "keep_icc", "keep_metadata", "verify", "device")  # of `ulbic.encode`


class UlbImageFile(ImageFile.ImageFile):
    """A .ulb file that was opened but maybe not decoded yet.

    As with Pillow's own formats, a file that is damaged opens as long as its header can be read; `verify` and
    `load` then raise OSError, unless ImageFile.LOAD_TRUNCATED_IMAGES is set.
    """

    format = "ULB"
    format_description = "ulbic"

    def _open(self) -> None:
        assert self.fp is not None
        self._data = self.fp.read()
        try:
            header, _, self._complete = read_container(self._data, allow_partial=True)
        except LimitError as error:
            raise Image.DecompressionBombError(str(error)) from None
        except UlbicError as error:
            raise SyntaxError(str(error)) from None  # Pillow's word for "not identified"
        alpha = any(chunk.kind == ALPHA for chunk in header.chunks)
        self._size = header.width, header.height
        self._mode = ("L" if header.grey else "RGB") + ("A" if alpha else "")
        self._decoded = False

    def verify(self) -> None:
        """Checks the file's checksum.

        Raises:
            OSError: the file is damaged or cut off.
        """
        if not self._complete:
            raise OSError("the checksum does not match: the file is damaged or incomplete")
        super().verify()

    def load(self) -> Any:
        """Decodes the pixels, once.

        Raises:
            OSError: the file cannot be decoded.
        """
        if not self._decoded:
            from .api import decode

            try:
                picture = decode(self._data, allow_partial=ImageFile.LOAD_TRUNCATED_IMAGES)
            except UlbicError as error:
                raise OSError(str(error)) from None
            self.im, self._decoded = picture.im, True
            self.info.update(picture.info)
            if self._exclusive_fp and self.fp is not None:
                self.fp.close()
            self.fp = None
        return super().load()


def save(picture: Image.Image, fp: IO[bytes]) -> None:
    """Writes a .ulb file; Pillow keeps the keywords of `picture.save` in `encoderinfo`.

    Raises:
        ValueError: quality is not 1 to 8.
        OSError: the picture cannot be encoded.
    """
    given = getattr(picture, "encoderinfo", {})
    settings = {key: given[key] for key in SETTINGS if key in given}
    quality = settings.setdefault("quality", DEFAULT_QUALITY)
    if quality not in QUALITIES:
        raise ValueError(f"quality {quality!r} is not one of 1 to 8, as .ulb files have it")

    from .api import encode

    try:
        fp.write(encode(picture, **settings))
    except UlbicError as error:
        raise OSError(str(error)) from None
