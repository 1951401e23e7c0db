"""What is true of one model and of no other: its number in files, its weights, its quality ladder.

A model is added by one `PROFILES.register` of its profile. Free of torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ulbic.errors import SettingsError, WeightsError

from .lattices import LATTICE_NAMES
from .registry import Registry
from .tradeoff import Tradeoff

FILE_MODEL = (
    15  # number of a model that the user gives by weight file; only the weights' digest identifies it
)
DEFAULT_MODEL = "tiny"
BUNDLED_WEIGHTS = Path(__file__).parents[1] / "models" / "weights"
_TAG_DIGITS = 3  # of the digest, 12 bits, are in every file


class RatePoint(NamedTuple):
    """What one quality stands for."""

    gain: float  # number of a gain vector, or between two, in steps of 1/16
    index_mode: str  # name of a mode in `index_modes`


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One model."""

    number: int  # in files, 0 to 15, fixed for ever and never reused
    name: str
    sha256: str  # of the weight file, hex
    file: str  # name of the weight file, in BUNDLED_WEIGHTS or in `installed_weights()`
    licence: str  # of the weights
    qualities: tuple[RatePoint, ...]  # of quality 1, 2, ...
    default_quality: int
    index_modes: tuple[str, ...]  # that the networks were trained for
    precision: str = "float32"  # of the encoders; "bfloat16" where it is fast
    tradeoff: Tradeoff | None = None  # that the gains were trained for; None: not known
    preset: str = ""  # configuration and training recipe, `python -m ulbic.training all --preset PRESET`
    ranking_file: str = ""  # name of the file that says what indices are worth, where one was trained
    ranking_sha256: str = ""  # its digest, hex

    @property
    def tag(self) -> int:
        """The first 12 bits of the digest of the weights, as in files."""
        return int(self.sha256[:_TAG_DIGITS], 16)

    def find_weights(self) -> Path:
        """The weight file, bundled or else installed; not opened yet.

        Raises:
            WeightsError: it is neither.
        """
        return self._find(self.file, "weights")

    def find_ranking(self) -> Path:
        """The file of its ranking, likewise.

        Raises:
            WeightsError: it is neither, or the model has none.
        """
        return self._find(self.ranking_file, "ranking weights")

    def _find(self, name: str, what: str) -> Path:
        for folder in (lambda: BUNDLED_WEIGHTS, installed_weights):
            path = folder() / name
            if path.is_file():
                return path
        raise WeightsError(f"the {what} of model {self.name!r} are missing: ulbic weights install FILE")

    @property
    def files(self) -> dict[str, str]:
        """Names of all its files, by their SHA-256 in hex."""
        ranking = {self.ranking_sha256: self.ranking_file} if self.ranking_file else {}
        return {self.sha256: self.file, **ranking}

    def rate_point(self, quality: int | None = None, index_mode: str | None = None) -> RatePoint:
        """The rate point of a quality, the default one's where it is None, with another mode if one is given.

        Raises:
            SettingsError: the model does not have that quality, or was not trained for that mode.
        """
        number = self.default_quality if quality is None else quality
        if not isinstance(number, int) or not 1 <= number <= len(self.qualities):
            raise SettingsError(
                f"quality {number} is not one of 1 to {len(self.qualities)}, as model {self.name!r} has them"
            )
        point = self.qualities[number - 1]
        if index_mode is None:
            return point
        if index_mode not in self.index_modes:
            names = ", ".join(self.index_modes)
            raise SettingsError(f"model {self.name!r} has no index mode {index_mode!r}; it has {names}")
        return point._replace(index_mode=index_mode)


PROFILES: Registry[Profile] = Registry("model", FILE_MODEL)


def profile_of_model(number: int) -> Profile:
    """The model that a file names.

    Raises:
        WeightsError: this release does not know it, or it was given by weight file.
    """
    if number == FILE_MODEL:
        raise WeightsError("the file was made with a weight file: give it by --weights")
    known = PROFILES.numbered(number)
    if known is None:
        raise WeightsError(f"the file needs model {number}, which this release does not know")
    return known


def profile_of_file(path: Path, sha256: str, gains: int, precision: str = "float32") -> Profile:
    """A model that the user gives by weight file: one of `gains` rate points."""
    qualities = _by_mode(gains) if gains == 1 else _by_gain(gains)
    return Profile(
        number=FILE_MODEL,
        name=path.name,
        sha256=sha256,
        file=str(path),
        licence="",
        qualities=qualities,
        default_quality=min(5, len(qualities)),
        index_modes=LATTICE_NAMES,
        precision=precision,
        tradeoff=Tradeoff() if gains > 1 else None,
    )


def installed_weights() -> Path:
    """The folder of weights that `ulbic weights install` fills, in the platform's data directory."""
    import platformdirs

    return platformdirs.user_data_path("ulbic") / "weights"


def _by_gain(gains: int) -> tuple[RatePoint, ...]:
    """A bit buys more in the continuous stream than in sent indices (docs/parts.md): all are predicted."""
    return tuple(RatePoint(gain, "0") for gain in range(gains))


def _by_mode(gains: int) -> tuple[RatePoint, ...]:
    return tuple(RatePoint(gains - 1, mode) for mode in LATTICE_NAMES)


TINY = PROFILES.register(
    Profile(
        number=1,
        name="tiny",
        sha256="b551c8c94ec9be6263fade6c806f02062438e2f7b4f3a746bf30865e476bb40e",
        file="tiny.safetensors",
        licence="research and non-commercial use",
        qualities=_by_gain(12),
        default_quality=5,
        index_modes=(*LATTICE_NAMES, "masked", "dual"),
        tradeoff=Tradeoff(),
        preset="tiny",
        ranking_file="tiny-ranking.safetensors",
        ranking_sha256="797fa344809f7cd00b724142268b4a4a32a5a7560beba78ce3e0676f6315a1b8",
    )
)
