"""Starts MQ-VAE and DQ-VAE from a VQGAN tokenizer that has learnt already, where a run is too short for more.

What the tokenizer has not begins without effect: added blocks and attentions pass on what they are given.
The convolutions that halve the size begin as means of 2x2 positions. So DQ-VAE with fine regions alone
begins as the tokenizer, and MQ-VAE with the mask as the only difference.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from ulbic.models.sparse.dqvae import DqVae
from ulbic.models.sparse.mqvae import MqVae
from ulbic.models.tokenizer import Tokenizer

Weights = dict[str, Tensor]

FIRST_SCORE = 0.5  # of a position, on average
FIRST_COUNT = 0.25  # a step, that a code of the tokenizer begins with; about that of the claims' batches


@torch.no_grad()
def start_from_tokenizer(network: MqVae | DqVae, tokenizer: Tokenizer) -> None:
    """Fills a first stage, in place.

    Its trunks have the tokenizer's widths, stem, numbers of blocks and way of up-sampling, and its features,
    codes and their dimension are the tokenizer's, whose shortcuts are VQGAN's own.
    """
    ours, theirs = network.state_dict(), tokenizer.state_dict()
    for key, value in ours.items():
        if ".proj_out." in key or ".conv2." in key:
            value.zero_()
    _start_encoder(ours, theirs, network.encoder.heads)
    codes = theirs["quantize.embedding.weight"]
    if isinstance(network, MqVae):
        scale = codes.std(dim=1).mean()
        codes = scale * F.layer_norm(codes, codes.shape[1:])  # as the mask gives features
        gain = scale / FIRST_SCORE if network.config.selection == "learnt" else scale
        ours["masker.pre_projection.weight"].copy_(gain * torch.eye(codes.shape[1]))
        _pass_on(ours, "demasker.post_projection")
        _copy(ours, "demasker.conv_in", theirs, "decoder.conv_in")
        _copy(ours, "demasker.transformer.last_resblock", theirs, "decoder.mid.block_1")
    else:
        _pass_on(ours, "quant_conv")
        _pass_on(ours, "post_quant_conv")
        _copy(ours, "decoder.conv_in", theirs, "decoder.conv_in")
        _copy(ours, "decoder.mid.block_1", theirs, "decoder.mid.block_1")
    ours["quantize.codebook.weight"][:-1] = codes
    ours["quantize.codebook.cluster_size_ema"].fill_(FIRST_COUNT)
    ours["quantize.codebook.embed_ema"].copy_(FIRST_COUNT * codes)
    _start_decoder(ours, theirs)


def _start_encoder(ours: Weights, theirs: Weights, heads: tuple[str, ...]) -> None:
    """Pictures are in [-1, 1] here, and in [0, 1] there. Coarser levels go on with means."""
    _copy(ours, "encoder.conv_in", theirs, "encoder.conv_in")
    ours["encoder.conv_in.bias"].copy_(theirs["encoder.conv_in.weight"].sum(dim=(1, 2, 3)) / 2)
    ours["encoder.conv_in.weight"].div_(2)
    for level in _levels(theirs, "encoder.down"):
        _copy(ours, f"encoder.down.{level}.block", theirs, f"encoder.down.{level}.block")
    for key, value in ours.items():
        if key.endswith("downsample.conv.weight"):
            value.zero_()[:, :, :2, :2] = torch.eye(len(value))[:, :, None, None] / 4
        if key.endswith("downsample.conv.bias"):
            value.zero_()
    for head in heads:
        _copy(ours, f"encoder.mid{head}.block_1", theirs, "encoder.mid.block_1")
        _copy(ours, f"encoder.norm_out{head}", theirs, "encoder.norm_out")
        ours[f"encoder.conv_out{head}.weight"].zero_()[:, :, 1:2, 1:2] = theirs["encoder.conv_out.weight"]
        ours[f"encoder.conv_out{head}.bias"].copy_(theirs["encoder.conv_out.bias"])


def _start_decoder(ours: Weights, theirs: Weights) -> None:
    """All behind the middle."""
    for level in _levels(theirs, "decoder.up"):
        for part in ("block", "upsample"):
            _copy(ours, f"decoder.up.{level}.{part}", theirs, f"decoder.up.{level}.{part}")
    _copy(ours, "decoder.norm_out", theirs, "decoder.norm_out")
    ours["decoder.conv_out.weight"].copy_(2 * theirs["decoder.conv_out.weight"])
    ours["decoder.conv_out.bias"].copy_(2 * theirs["decoder.conv_out.bias"] - 1)


def _levels(theirs: Weights, place: str) -> list[str]:
    """Their numbers, as keys have them."""
    return sorted({key.removeprefix(f"{place}.").split(".")[0] for key in theirs if key.startswith(place)})


def _copy(ours: Weights, place: str, theirs: Weights, source: str) -> None:
    """All weights below `source`; further inputs, and biases that it has not, begin without effect."""
    for key, value in ours.items():
        if key.startswith(f"{place}."):
            learnt = theirs.get(source + key.removeprefix(place))
            value.zero_()
            if learnt is not None:
                value[tuple(slice(n) for n in learnt.shape)] = learnt


def _pass_on(ours: Weights, place: str) -> None:
    """A 1x1 convolution whose first outputs are its inputs."""
    weight = ours[f"{place}.weight"]
    inputs = weight.shape[1]
    weight[:inputs] = torch.eye(inputs)[:, :, None, None]
    ours[f"{place}.bias"][:inputs] = 0
