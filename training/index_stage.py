"""The last stage: probabilities of sent indices, for latents and a tokenizer that stay as they are."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ulbic.codec.lattices import LATTICES, level
from ulbic.codec.networks import TorchNetworks
from ulbic.codec.relaxing import round_through
from ulbic.models.config import HIDDEN_STEPS, PLACES, WINDOW
from ulbic.models.entropy import FactorizedPrior

from .continuous_stage import code_relaxed, random_gains
from .distributed import own_rows, whole

LEVELS = LATTICES[-1].levels
SCATTERED = 0.3  # share of the passes that know indices anywhere, as where an index mode chooses them


def index_loss(
    networks: TorchNetworks, prior: FactorizedPrior, output: nn.Module, x: Tensor
) -> tuple[Tensor, dict[str, Tensor]]:
    """Bits of an index, on average over all passes, at random gains; `output` is the index model's layer."""
    with torch.no_grad():
        gain = random_gains(x, networks.sizes.gains)
        y_hat = code_relaxed(networks, prior, x, gain).y_hat
        indices = networks.tokenise(x, networks.restore(y_hat, gain) if networks.complements else None)
    features = networks.index_features(y_hat, gain)
    levels = torch.from_numpy(level(WINDOW, WINDOW)).to(x.device)
    bits: list[list[Tensor]] = [[] for _ in range(LEVELS)]
    for number in range(LEVELS):
        sent = levels < number
        for place, (row, column) in enumerate(PLACES):
            coded = torch.zeros_like(sent)
            coded[row::2, column::2] = levels[row::2, column::2] == number
            if not coded.any():
                continue
            hidden = networks.index_hidden(features, indices, _known(sent, (row, column), len(x)), place)
            here = coded[row::2, column::2]
            logits = output(round_through(hidden[:, :, here].mT * HIDDEN_STEPS) / HIDDEN_STEPS)
            cost = F.cross_entropy(logits.flatten(0, 1), indices[:, coded].flatten(), reduction="none")
            bits[number].append(cost / math.log(2))
            sent = sent | coded
    by_level = [torch.cat(costs) for costs in bits]
    quarter = torch.cat(by_level[:3]).mean()
    return torch.cat(by_level).mean(), {"quarter": quarter, "first": by_level[0].mean()}


def _known(sent: Tensor, place: tuple[int, int], batch: int) -> Tensor:
    """(B, 16, 16) bool: what is known before the indices of a place are coded."""
    if torch.rand(()) >= SCATTERED:
        return sent.expand(batch, -1, -1)
    drawn = own_rows(torch.rand(whole(batch), *sent.shape) < torch.rand(())).to(sent.device)
    drawn[:, place[0] :: 2, place[1] :: 2] = False
    return drawn
