"""The one door to the networks: what encoder, decoder and training ask of them, and nothing behind it.

Another runtime, or a decoder that batches pictures on a GPU, implements `Networks` and is handed to `Bundle`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from ulbic.errors import WeightsError
from ulbic.models.class_decoder import ClassDecoder, ClassPredictor
from ulbic.models.class_weights import encoder_tag
from ulbic.models.context import ContextModel
from ulbic.models.index_model import IndexModel
from ulbic.models.model import UlbicModel, reduce
from ulbic.models.phases import Known
from ulbic.models.ranking import Ranking


@dataclass(frozen=True, kw_only=True)
class NetworkSizes:
    """What coding must know of the shapes."""

    latents: int  # channels
    hyper_channels: int
    slices: tuple[int, ...]  # channels of each, in coding order; together `latents`
    phases: int  # in which the cells of a slice are coded
    gains: int  # rate points; between two of them, gains are interpolated
    codes: int  # of the codebook


class Networks(Protocol):
    """Batched operations on NCHW tensors.

    Pictures are (B, 3, 32 h, 32 w), about [0, 1]; latents (B, latents, h, w); maps of indices (B, 2 h, 2 w).
    Hyper-latents are counted from their channels' medians, so that zero is the most probable one. The four
    operations of the context model and the first two of the index model run in the type of what they are
    given: float64 where symbols depend on them, on `symbol_device`; all others in float32 on `device`.
    """

    @property
    def sizes(self) -> NetworkSizes: ...

    @property
    def device(self) -> torch.device: ...

    @property
    def symbol_device(self) -> torch.device: ...

    @property
    def complements(self) -> bool:
        """Whether `tokenise` looks at the restoration."""

    @property
    def models_indices(self) -> bool:
        """Whether there is an index model, without which the `index_...` operations do not exist."""

    def relaxed(self) -> Networks:
        """The same with a context model in float32 on `device`: for estimates, not for coding."""

    def analyse(self, picture: Tensor) -> Tensor:
        """Latents before the gain."""

    def tokenise(self, picture: Tensor, restoration: Tensor | None = None) -> Tensor:
        """The index map (B, 2 h, 2 w), int64; what the restoration says already needs no code."""

    def hyper_analyse(self, latents: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
        """Latents in quantisation steps at rate points, and their hyper-latents.

        `gain` is (B,), or that of every cell, (B, h, w). The hyper-latents are (B, hyper_channels, ceil(h/4),
        ceil(w/4)), not rounded yet.
        """

    def hyper_synthesise(self, z_hat: Tensor, size: tuple[int, int]) -> Tensor:
        """Features (B, 2 latents, *size) of rounded hyper-latents; the second half are first guesses."""

    def slice_features(self, index: int, hyper: Tensor, decoded: Sequence[Tensor]) -> Tensor:
        """What all phases of slice `index` know of the slices decoded before: (B, channels, h, w)."""

    def distribution(self, index: int, phase: int, known: Known) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation (B, slice channels, h, w) of a phase's cells; anything elsewhere."""

    def refine(self, index: int, phase: int, known: Known, current: Tensor, hyper: Tensor) -> Tensor:
        """`current`, the slice as decoded up to this phase, brought nearer to what was rounded."""

    def index_features(self, y_hat: Tensor, gain: Tensor) -> Tensor:
        """What the index model is told of the latents, (B, channels, h, w); `gain` as for `hyper_analyse`."""

    def index_hidden(self, features: Tensor, indices: Tensor, known: Tensor, place: int) -> Tensor:
        """Last hidden layer (B, hidden, h, w), of each cell's index at a place, from those `known`."""

    def index_logits(self, hidden: Tensor) -> Tensor:
        """Logits (n, codes) int64, in 1/4096 nat, of hidden values (n, hidden) int64, in 1/16; exact."""

    def restore(self, y_hat: Tensor, gain: Tensor) -> Tensor:
        """The restoration, a picture, from the decoded latents; `gain` as for `hyper_analyse`."""

    def assist(self, y_hat: Tensor, restoration: Tensor) -> Tensor:
        """What the predictor is told of the continuous stream, (B, channels, 2 h, 2 w) or (..., h, w)."""

    def correct(self, y_hat: Tensor, restoration: Tensor) -> Tensor:
        """What the pixel decoder is told of it, (B, channels, 2 h, 2 w)."""

    def predict(self, indices: Tensor, masked: Tensor, assist: Tensor | None) -> Tensor:
        """Logits (B, 256, codes) of windows of 16x16 indices, of which those not `masked` are known."""

    def paint(
        self, indices: Tensor, received: Tensor, correction: Tensor | None, restoration: Tensor | None
    ) -> Tensor:
        """The picture of a completed index map, of which `received` indices were sent and not predicted.

        Without correction and restoration, both or none, the indices alone are painted.
        """

    def rank(self, picture: Tensor, guessed: Tensor, exact: Tensor) -> Tensor:
        """What each index is worth, (B, 2 h, 2 w), from pictures painted without and with those sent.

        Raises:
            WeightsError: the weights for it are missing.
        """


class TorchNetworks:
    """The networks of an `UlbicModel`; `Networks` says what each operation does."""

    def __init__(
        self,
        model: UlbicModel,
        context: ContextModel | None = None,
        index_model: IndexModel | None = None,
        *,
        ranking: Callable[[], Ranking] | None = None,
        mixed: bool = False,
        mixed_pixels: bool = False,
    ) -> None:
        """Makes the operations those of the model's parts.

        Args:
            context, index_model: stand in for the model's own.
            ranking: loads it, when it is first asked for; it lies in a file of its own.
            mixed: runs the encoders in bfloat16, which hand over what is coded.
            mixed_pixels: runs in bfloat16 what follows the symbols, from the restoration to the pixels.
        """
        self._model, self._mixed, self._mixed_pixels = model, mixed, mixed_pixels
        self._predictor: nn.Module = model.predictor
        self._context = model.continuous.context if context is None else context
        self._index_model = model.index_model if index_model is None else index_model
        self._ranking = ranking
        config = model.config
        self.sizes = NetworkSizes(
            latents=config.continuous.latents,
            hyper_channels=config.continuous.hyper_channels,
            slices=config.continuous.slices,
            phases=config.continuous.phases,
            gains=config.continuous.gains,
            codes=config.tokenizer.codes,
        )

    @property
    def device(self) -> torch.device:
        return next(self._model.parameters()).device

    @property
    def symbol_device(self) -> torch.device:
        return next(self._context.parameters()).device

    @property
    def complements(self) -> bool:
        return self._model.tokenizer.complements

    @property
    def models_indices(self) -> bool:
        return self._index_model is not None

    def relaxed(self) -> TorchNetworks:
        other = copy.copy(self)
        other._context = self._model.continuous.context
        return other

    def analyse(self, picture: Tensor) -> Tensor:
        with self._precision(self._mixed):
            return self._model.continuous.transform(reduce(picture))

    def tokenise(self, picture: Tensor, restoration: Tensor | None = None) -> Tensor:
        with self._precision(self._mixed):
            return self._model.tokenizer.indices(picture, restoration)

    def hyper_analyse(self, latents: Tensor, gain: Tensor) -> tuple[Tensor, Tensor]:
        stream = self._model.continuous
        y = stream.amplify(latents, gain)
        return y, stream.hyper_analyse(y) - stream.prior.medians

    def hyper_synthesise(self, z_hat: Tensor, size: tuple[int, int]) -> Tensor:
        medians = self._model.continuous.prior.medians.to(z_hat)
        return self._context.h_s(z_hat + medians)[:, :, : size[0], : size[1]]

    def slice_features(self, index: int, hyper: Tensor, decoded: Sequence[Tensor]) -> Tensor:
        return self._context.slices[index].features(hyper, decoded)  # type: ignore[operator]

    def distribution(self, index: int, phase: int, known: Known) -> tuple[Tensor, Tensor]:
        return self._context.slices[index].distribution(phase, known)  # type: ignore[operator]

    def refine(self, index: int, phase: int, known: Known, current: Tensor, hyper: Tensor) -> Tensor:
        before = [hyper[:, self.sizes.latents :], *known.decoded]
        return self._context.slices[index].refine(phase, current, before, known.cells[phase])  # type: ignore[operator]

    def index_features(self, y_hat: Tensor, gain: Tensor) -> Tensor:
        assert self._index_model is not None
        size = len(y_hat), 1, *y_hat.shape[2:]
        share = (gain if gain.dim() == 3 else gain[:, None, None]).to(y_hat) / max(self.sizes.gains - 1, 1)
        latents = self._model.continuous.attenuate(y_hat, gain)
        return self._index_model.features(latents, share[:, None].expand(size))

    def index_hidden(self, features: Tensor, indices: Tensor, known: Tensor, place: int) -> Tensor:
        assert self._index_model is not None
        return self._index_model.hidden(features, indices, known, place)

    def index_logits(self, hidden: Tensor) -> Tensor:
        assert self._index_model is not None
        return self._index_model.integer_logits(hidden)

    def restore(self, y_hat: Tensor, gain: Tensor) -> Tensor:
        with self._precision(self._mixed_pixels):
            return self._model.restore(y_hat.float(), gain)

    def assist(self, y_hat: Tensor, restoration: Tensor) -> Tensor:
        with self._precision(self._mixed_pixels):
            return self._model.bridge.assist_map(y_hat.float(), restoration)

    def correct(self, y_hat: Tensor, restoration: Tensor) -> Tensor:
        with self._precision(self._mixed_pixels):
            return self._model.bridge.correction_map(y_hat.float(), restoration)

    def predict(
        self, indices: Tensor, masked: Tensor, assist: Tensor | None, kept: Tensor | None = None
    ) -> Tensor:
        """Training drops all but the `kept` (B, k) positions of the sequence from the encoder."""
        with self._precision(self._mixed_pixels):
            return self._predictor(indices, masked, assist, kept).float()

    def paint(
        self,
        indices: Tensor,
        received: Tensor,
        correction: Tensor | None,
        restoration: Tensor | None,
        codes: Tensor | None = None,
    ) -> Tensor:
        """Training hands over the `codes` of the indices, to have their gradients."""
        with self._precision(self._mixed_pixels):
            codes = self._model.tokenizer.quantize(indices) if codes is None else codes
            return self._model.paint(codes, received, correction, restoration)

    def rank(self, picture: Tensor, guessed: Tensor, exact: Tensor) -> Tensor:
        if self._ranking is None:
            raise WeightsError("these weights have no ranking of indices")
        return self._ranking()(picture, guessed, exact)

    @property
    def encoder_tag(self) -> str:
        """Tells the predictor's encoder from others, as class weights name the one they belong to."""
        return encoder_tag(self._model.predictor)

    def with_class(self, decoder: ClassDecoder, label: int) -> TorchNetworks:
        """The same networks, predicting indices of the class `label`; they then take no assistance.

        Args:
            decoder: on `device`, trained on an encoder of this `encoder_tag`.
        """
        other = copy.copy(self)
        other._predictor = ClassPredictor(self._model.predictor, decoder, label)
        return other

    def in_memory_format(self, memory_format: torch.memory_format) -> None:
        """Lays out the context model anew, to test that no symbol depends on it."""
        self._context.to(memory_format=memory_format)

    def _precision(self, mixed: bool) -> AbstractContextManager[object]:
        return torch.autocast(self.device.type, torch.bfloat16) if mixed else nullcontext()
