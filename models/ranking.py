"""What each index is worth to the picture: for the encoders of index modes that send the best alone.

    picture, painted with guessed codes ──┐
                                          ├──distance at each index──> difference
    picture, painted with the true ones ──┘

It decides no symbol that a decoder would have to compute again, and travels in a file of its own.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ulbic.errors import WeightsError

_STEM = 4  # pixels per side that one feature vector stands for at first
_ERROR_SCALE = 4.0  # errors of pixels are small next to pixels


@dataclass(frozen=True, kw_only=True)
class RankingConfig:
    """Channels at a quarter, an eighth and a sixteenth of the picture's side."""

    widths: tuple[int, int, int] = (32, 48, 64)


class Ranking(nn.Module):
    """A learnt distance between pictures at each index, asked twice."""

    def __init__(self, config: RankingConfig) -> None:
        super().__init__()
        self.config = config
        first, second, third = config.widths
        self.distance = nn.Sequential(
            nn.PixelUnshuffle(_STEM),
            nn.Conv2d(6 * _STEM**2, first, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(first, second, 3, stride=2, padding=1),
            nn.GELU(),
            nn.Conv2d(second, third, 3, stride=2, padding=1),
            nn.GELU(),
            nn.Conv2d(third, third, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(third, 1, 1, bias=False),  # it would not show in a difference
        )

    def forward(self, picture: Tensor, guessed: Tensor, exact: Tensor) -> Tensor:
        """(B, h, w), without a unit: higher where the exact codes bring the picture nearer.

        Args:
            picture: (B, 3, 16 h, 16 w) in [0, 1], the original; guessed, exact: painted, about [0, 1].
        """
        pairs = [torch.cat([_ERROR_SCALE * (picture - painted), picture], 1) for painted in (guessed, exact)]
        before, after = self.distance(torch.cat(pairs))[:, 0].chunk(2)
        return before - after


class RankingFile(NamedTuple):
    """A loaded file."""

    ranking: Ranking  # float32, eval mode
    model: str  # SHA-256, hex, of the weight file of the model that it was trained for


def save_ranking(path: Path, file: RankingFile, dtype: torch.dtype = torch.float16) -> None:
    """Writes a .safetensors file, with the configuration and the model in its metadata."""
    tensors = {k: v.detach().to(dtype).contiguous() for k, v in file.ranking.state_dict().items()}
    metadata = {"ranking": json.dumps(asdict(file.ranking.config)), "model": file.model}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata)


def load_ranking(path: Path) -> RankingFile:
    """Reads a file written by `save_ranking`.

    Raises:
        WeightsError: missing, or not such a file.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            config = RankingConfig(widths=tuple(json.loads(metadata["ranking"])["widths"]))
            tensors = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
        ranking = Ranking(config)
        ranking.load_state_dict(tensors, strict=True, assign=True)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path.name} is not a file of ranking weights: {reason}") from None
    return RankingFile(ranking.eval().requires_grad_(False), metadata["model"])
