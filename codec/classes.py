"""A class decoder beside a model: pictures of a class instead of any (MAGE suppl. §1.2)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ulbic.errors import SettingsError, WeightsError
from ulbic.models.class_weights import ClassWeights, load_class_weights

from .bundle import Bundle
from .networks import TorchNetworks


def open_class_weights(bundle: Bundle, path: Path) -> ClassWeights:
    """A class decoder for the bundle, on its device.

    Raises:
        InputError: it cannot be read.
        WeightsError: missing, no such file, or trained on the encoder of other weights.
    """
    weights, own = load_class_weights(path), _networks(bundle).encoder_tag
    if weights.encoder != own:
        raise WeightsError(f"{path.name} belongs to another encoder ({weights.encoder}, these have {own})")
    return weights._replace(decoder=weights.decoder.to(bundle.networks.device))


def of_class(bundle: Bundle, weights: ClassWeights, label: int) -> Bundle:
    """The bundle, predicting indices of one class; of all else in it nothing changes, and nothing is copied.

    Args:
        weights: as `open_class_weights` gave them for this bundle.
        label: 0 to classes - 1; `weights.label` finds it by name.
    """
    return replace(bundle, networks=_networks(bundle).with_class(weights.decoder, label))


def _networks(bundle: Bundle) -> TorchNetworks:
    if not isinstance(bundle.networks, TorchNetworks):
        raise SettingsError("class weights need networks of PyTorch's runtime")
    return bundle.networks
