"""The bundled model as one of CompressAI's: `register` brings it into its registry and its zoo.

    from ulbic.benchmarks.zoo_model import register

    register()
    model = compressai.zoo.image_models["ulbic-tiny"](quality=5, pretrained=True)

Importing this imports CompressAI, which takes seconds; `eval_model` alone does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from compressai.models import CompressionModel
from compressai.registry import register_model
from torch import Tensor, nn

from ulbic.bitstream.container import read_container
from ulbic.codec.bundle import Bundle, make_bundle
from ulbic.codec.decoder import decode_picture, decode_symbols
from ulbic.codec.encoder import EncodedPicture, PictureFeatures, analyse_picture, encode_features
from ulbic.codec.extras import add_extras, unpack_extras
from ulbic.codec.images import read_picture, to_pixels, to_tensor
from ulbic.codec.profiles import DEFAULT_MODEL, FILE_MODEL, PROFILES
from ulbic.codec.tables import export_tables
from ulbic.models.checkpoint import load_checkpoint
from ulbic.models.config import PRESETS, latent_size
from ulbic.models.model import UlbicModel

from .likelihoods import likelihoods

ARCHITECTURE = f"ulbic-{DEFAULT_MODEL}"


@register_model(ARCHITECTURE)
class ZooModel(CompressionModel):
    """Pictures (B, 3, H, W) in [0, 1] of any size to .ulb files and back; never with gradients.

    A model is its networks, its integer tables and one quality, and so is its state. Only the bundled ones
    write files that others read: a model of another state writes them under a digest of that state.

    Casts (`half`, `double`) change the type of `x_hat` alone: that of the networks decides symbols.
    """

    def __init__(self, quality: int | None = None, pretrained: bool = False) -> None:
        """`quality` 1 (smallest) to as many as there are; random weights unless `pretrained`.

        Raises:
            SettingsError: there is no such quality.
            WeightsError: the weights are missing.
        """
        super().__init__()
        profile = PROFILES.named(DEFAULT_MODEL)
        profile.rate_point(quality)
        self._profile = profile
        self._output = torch.empty(0)  # has the device and the type of what `decompress` gives
        self._bundle: Bundle | None = None
        if pretrained:
            checkpoint = load_checkpoint(profile.find_weights())
            self.networks, arrays = checkpoint.model, checkpoint.tables
        else:
            self.networks = UlbicModel(PRESETS[profile.preset]).requires_grad_(False)
            arrays = export_tables(self.networks)
        self.tables = _Tables(arrays)
        self.register_buffer("quality", torch.tensor(quality or profile.default_quality))
        self.eval()
        if not pretrained:
            self._name_after_state()

    @classmethod
    def from_state_dict(cls, state_dict: Mapping[str, Tensor]) -> ZooModel:
        """A model of that state, its quality included."""
        model = cls(pretrained=True)
        model.load_state_dict(state_dict)
        return model

    def load_state_dict(self, state_dict: Mapping[str, Tensor], strict: bool = True) -> Any:
        """Takes weights, tables and quality; nn.Module says what it returns and raises."""
        before = self._state()
        self.tables.resize(state_dict, "tables.")
        loaded = super().load_state_dict(dict(state_dict), strict=strict)
        self._follow(before)
        return loaded

    def update(self, scale_table: None = None, force: bool = False, update_quantiles: bool = False) -> bool:
        """Makes the tables of the latents anew where that is forced; whether it did.

        The table of the indices stays, because the counts that it comes from are not in the weights. The
        other arguments are those of other models.
        """
        if force:
            before = self._state()
            arrays = export_tables(self.networks)
            self.tables.take({k: v for k, v in arrays.items() if not k.startswith("index.")})
            self._follow(before)
        return force

    def compress(self, x: Tensor) -> dict[str, Any]:
        """Whole .ulb files, the same as `ulbic.encode` makes.

        Returns:
            "strings": one list, of a file a picture; "shape": rows and columns of the latents.
        """
        files = [self._encode(picture)[1].data for picture in _pictures(x)]
        return {"strings": [files], "shape": torch.Size(latent_size(x.shape[3], x.shape[2]))}

    def decompress(self, strings: list[list[bytes]], shape: object = None) -> dict[str, Tensor]:
        """ "x_hat": (B, 3, H, W) in [0, 1], in steps of 1/255; files know their sizes without `shape`.

        Raises:
            UlbicError: one of its kinds, for a damaged file, and for one of another model.
        """
        (files,) = strings
        return {"x_hat": torch.cat([self._decode(data) for data in files])}

    def forward(self, x: Tensor) -> dict[str, Any]:
        """What a file holds and gives back: "x_hat" as of `decompress`, "likelihoods" of `likelihoods`."""
        restored, seen = [], []
        for picture in _pictures(x):
            features, encoded = self._encode(picture)
            symbols = decode_symbols(self._ready(), read_container(encoded.data))
            seen.append(likelihoods(self._ready(), features, symbols))
            restored.append(self._decode(encoded.data))
        together = {name: [one[name].to(x.device) for one in seen] for name in seen[0]}
        return {
            "x_hat": torch.cat(restored),
            "likelihoods": {name: torch.cat(parts) for name, parts in together.items()},
        }

    def train(self, mode: bool = True) -> ZooModel:
        """Stays in evaluation; `python -m ulbic.training` trains."""
        super().train(False)
        return self

    def _encode(self, picture: Tensor) -> tuple[PictureFeatures, EncodedPicture]:
        """Of (1, 3, H, W)."""
        bundle = self._ready()
        features = analyse_picture(bundle, *read_picture(to_pixels(picture.float())))
        return features, encode_features(bundle, features, bundle.profile.rate_point(int(self.quality)))

    def _decode(self, data: bytes) -> Tensor:
        container = read_container(data)
        picture = add_extras(decode_picture(self._ready(), container), unpack_extras(container))
        return to_tensor(picture.convert("RGB"), 1).to(self._output)

    def _ready(self) -> Bundle:
        if self._bundle is None:
            arrays = {name: array.cpu() for name, array in self.tables.arrays.items()}
            self._bundle = make_bundle(self.networks, arrays, self._profile, self._output.device)
        return self._bundle

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> ZooModel:
        """Moves everything, casts nothing."""
        self._output, self._bundle = fn(self._output), None
        super()._apply(lambda tensor: tensor.to(self._output.device), recurse)
        return self

    def _state(self) -> dict[str, Tensor]:
        """What decides how a file is read: everything but the quality."""
        return {k: v.detach().clone() for k, v in self.state_dict().items() if k != "quality"}

    def _follow(self, before: dict[str, Tensor]) -> None:
        """Forgets what was made of the state, and goes by its own name if it has changed."""
        self._bundle = None
        if any(not torch.equal(value, before[name]) for name, value in self._state().items()):
            self._name_after_state()

    def _name_after_state(self) -> None:
        digest = hashlib.sha256()
        for name, value in sorted(self._state().items()):
            digest.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
        profile = PROFILES.named(DEFAULT_MODEL)
        self._profile = replace(profile, number=FILE_MODEL, sha256=digest.hexdigest())


class _Tables(nn.Module):
    """Integer tables as buffers, so that they are saved and loaded with the weights."""

    def __init__(self, arrays: dict[str, Tensor]) -> None:
        super().__init__()
        self.take(arrays)

    @property
    def arrays(self) -> dict[str, Tensor]:
        """As `export_tables` names them."""
        return {name.replace("_", ".", 1): array for name, array in self.named_buffers()}

    def take(self, arrays: Mapping[str, Tensor]) -> None:
        """Replaces those that are given."""
        for name, array in arrays.items():
            self.register_buffer(name.replace(".", "_"), array)

    def resize(self, state: Mapping[str, Tensor], prefix: str) -> None:
        """Makes room for tables of another length, which are about to be loaded."""
        for name, array in self.named_buffers():
            if prefix + name in state:
                self.register_buffer(name, array.new_empty(state[prefix + name].shape))


def _pictures(x: Tensor) -> tuple[Tensor, ...]:
    if x.ndim != 4 or x.shape[0] == 0 or x.shape[1] != 3:
        raise ValueError(f"pictures are (B, 3, H, W), not {tuple(x.shape)}")
    return x.split(1)


def load(
    quality: int, metric: str = "mse", pretrained: bool = False, progress: bool = True, **kwargs: Any
) -> ZooModel:
    """As the functions of CompressAI's zoo; there is one training, whatever the metric, and no download."""
    return ZooModel(quality, pretrained, **kwargs)


def register() -> None:
    """Brings the model into CompressAI's zoo, for `load`, and for checkpoints of its state."""
    from compressai import zoo
    from compressai.zoo.image import model_architectures

    zoo.image_models[ARCHITECTURE] = zoo.models[ARCHITECTURE] = load
    model_architectures[ARCHITECTURE] = ZooModel
