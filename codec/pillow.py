"""The .ulb format as a plugin of Pillow: `Image.open("x.ulb")`, `picture.save("x.ulb", quality=3)`.

Opening reads the header alone; torch is imported, and the networks run, when the pixels are asked for.
"""

from __future__ import annotations

from dataclasses import fields
from typing import IO, Any

from PIL import Image, ImageFile

from ulbic.bitstream.chunks import ALPHA
from ulbic.bitstream.container import read_container
from ulbic.errors import DamagedError, LimitError, SettingsError, UlbicError

from .settings import DecodeSettings, EncodeSettings

INCOMPLETE = "the checksum does not match: the file is damaged or incomplete"


class UlbImageFile(ImageFile.ImageFile):
    """A .ulb file that was opened but maybe not decoded yet.

    As with Pillow's own formats, a file that is damaged opens as long as its header can be read; `verify` and
    `load` then raise OSError, unless ImageFile.LOAD_TRUNCATED_IMAGES is set.
    """

    format = "ULB"
    format_description = "ulbic"

    def _open(self) -> None:
        assert self.fp is not None
        try:
            self._container = read_container(self.fp.read(), allow_partial=True)
        except LimitError as error:
            raise Image.DecompressionBombError(str(error)) from None
        except UlbicError as error:
            raise SyntaxError(str(error)) from None  # Pillow's word for "not identified"
        header = self._container.header
        alpha = any(chunk.kind == ALPHA for chunk in header.chunks)
        self._size = header.width, header.height
        self._mode = ("L" if header.grey else "RGB") + ("A" if alpha else "")
        self._decoded = False

    def verify(self) -> None:
        """Checks the file's checksum.

        Raises:
            OSError: the file is damaged or cut off.
        """
        if not self._container.complete:
            raise OSError(INCOMPLETE)
        super().verify()

    def load(self) -> Any:
        """Decodes the pixels, once.

        Raises:
            OSError: the file cannot be decoded.
        """
        if not self._decoded:
            from .api import decode_with

            try:
                if not (self._container.complete or ImageFile.LOAD_TRUNCATED_IMAGES):
                    raise DamagedError(INCOMPLETE)
                picture = decode_with(self._container, DecodeSettings())
            except UlbicError as error:
                raise OSError(str(error)) from None
            self.im, self._mode, self._decoded = picture.im, picture.mode, True
            self.info.update(picture.info)
            if self._exclusive_fp and self.fp is not None:
                self.fp.close()
            self.fp = None
        return super().load()


def save(picture: Image.Image, fp: IO[bytes]) -> None:
    """Writes a .ulb file; Pillow keeps the keywords of `picture.save` in `encoderinfo`.

    Raises:
        ValueError: a setting does not exist, or is out of its range.
        OSError: the picture cannot be encoded.
    """
    given = getattr(picture, "encoderinfo", {})
    known = {field.name for field in fields(EncodeSettings)}
    try:
        settings = EncodeSettings(**{key: given[key] for key in given if key in known})
        from .api import encode_with

        fp.write(encode_with(picture, settings).data)
    except SettingsError as error:
        raise ValueError(str(error)) from None
    except UlbicError as error:
        raise OSError(str(error)) from None
