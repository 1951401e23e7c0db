"""Files of a class decoder: its weights, its classes' names, and which encoder it was trained on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ulbic.errors import InputError, SettingsError, WeightsError

from .class_decoder import ClassDecoder, ClassDecoderConfig
from .predictor import MaskPredictor


class ClassWeights(NamedTuple):
    """A loaded class decoder."""

    decoder: ClassDecoder  # float32, eval mode
    names: tuple[str, ...]  # of the classes, by label
    encoder: str  # `encoder_tag` of the predictor that it was trained on

    def label(self, text: str) -> int:
        """The label that a class's name or number stands for; names count first.

        Raises:
            SettingsError: there is no such class.
        """
        if text in self.names:
            return self.names.index(text)
        if text.isdecimal() and int(text) < len(self.names):
            return int(text)
        some = ", ".join(self.names[:8]) + (", ..." if len(self.names) > 8 else "")
        raise SettingsError(f"no class {text!r}: there are 0 to {len(self.names) - 1} ({some})")


def encoder_tag(predictor: MaskPredictor) -> str:
    """12 hex digits that tell encoders apart: of the word embeddings, in fp16 as files may store them."""
    words = predictor.token_emb.word_embeddings.weight.detach().half().cpu().numpy()
    return hashlib.sha256(words.tobytes()).hexdigest()[:12]


def save_class_weights(path: Path, weights: ClassWeights, dtype: torch.dtype = torch.float32) -> None:
    """Writes a .safetensors file, with the configuration, the names and the encoder's tag in its metadata."""
    tensors = {k: v.detach().to(dtype).contiguous() for k, v in weights.decoder.state_dict().items()}
    metadata = {
        "class_decoder": json.dumps(asdict(weights.decoder.config), sort_keys=True),
        "names": json.dumps(weights.names),
        "encoder": weights.encoder,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata)


def load_class_weights(path: Path) -> ClassWeights:
    """Reads a file written by `save_class_weights`.

    Raises:
        InputError: it cannot be read.
        WeightsError: missing, or not such a file.
    """
    if not path.is_file():
        raise WeightsError(f"no class weights at {path}")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            config = ClassDecoderConfig(**json.loads(metadata["class_decoder"]))
            names, encoder = tuple(json.loads(metadata["names"])), metadata["encoder"]
            tensors = {key: file.get_tensor(key).float() for key in file.keys()}  # noqa: SIM118
        decoder = ClassDecoder(config)
        decoder.load_state_dict(tensors, strict=True, assign=True)
    except PermissionError as error:
        raise InputError(f"cannot read {str(path)!r}: {error.strerror}") from None
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path.name} is not a file of class weights: {reason}") from None
    return ClassWeights(decoder.eval().requires_grad_(False), names, encoder)
