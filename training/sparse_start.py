"""Starts MQ-VAE and DQ-VAE from a VQGAN tokenizer that has learnt already, where a run is too short for more.

What the tokenizer has not begins without effect: added blocks and attentions pass on what they are given.
The convolutions that halve the size begin as means of 2x2 positions. So DQ-VAE with fine regions alone
begins as the tokenizer, and MQ-VAE with the mask as the only difference.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ulbic.models.layers import ResnetBlock
from ulbic.models.sparse.dqvae import DqVae
from ulbic.models.sparse.mqvae import MqVae
from ulbic.models.sparse.quantiser import Quantiser
from ulbic.models.sparse.trunk import Decoder, Encoder, SpatialAttention
from ulbic.models.tokenizer import Decoder as TokenizerDecoder
from ulbic.models.tokenizer import Encoder as TokenizerEncoder
from ulbic.models.tokenizer import Tokenizer

FIRST_COUNT = 0.25  # a step, that a code of the tokenizer begins with; about that of the claims' batches


@torch.no_grad()
def start_from_tokenizer(network: MqVae | DqVae, tokenizer: Tokenizer) -> None:
    """Fills a first stage, in place.

    Its trunks have the tokenizer's widths, stem, numbers of blocks and way of up-sampling, and its features,
    codes and their dimension are the tokenizer's, whose shortcuts are VQGAN's own.
    """
    for module in network.modules():
        if isinstance(module, SpatialAttention):
            _silence(module.proj_out)
        if isinstance(module, ResnetBlock):
            _silence(module.conv2)
    start_encoder(network.encoder, tokenizer.encoder)
    codes = tokenizer.quantize.embedding.weight
    entrance = tokenizer.decoder.conv_in
    if isinstance(network, MqVae):
        scale = codes.std(dim=1).mean()
        codes = scale * F.layer_norm(codes, codes.shape[1:])  # as the mask gives features
        network.masker.pre_projection.weight.copy_(2 * scale * torch.eye(codes.shape[1]))
        _embed(network.demasker.post_projection)
        _fill(network.demasker.conv_in, entrance)
        _copy_block(network.demasker.transformer.last_resblock, tokenizer.decoder.mid.block_1)
    else:
        _embed(network.quant_conv)
        _embed(network.post_quant_conv)
        _fill(network.decoder.conv_in, entrance)
        _copy_block(network.decoder.mid.block_1, tokenizer.decoder.mid.block_1)
    _start_codebook(network.quantize, codes)
    start_decoder(network.decoder, tokenizer.decoder)


def start_encoder(encoder: Encoder, source: TokenizerEncoder) -> None:
    """Pictures are in [-1, 1] here, and in [0, 1] there. Coarser levels go on with means."""
    _fill(encoder.conv_in, source.conv_in)
    encoder.conv_in.bias.copy_(source.conv_in.weight.sum(dim=(1, 2, 3)) / 2)
    encoder.conv_in.weight.div_(2)
    for level, other in zip(encoder.down, source.down, strict=False):
        for block, learnt in zip(level.block, other.block, strict=True):
            _copy_block(block, learnt)
    for level in encoder.down[:-1]:
        weight = level.downsample.conv.weight.zero_()
        weight[:, :, :2, :2] = torch.eye(len(weight))[:, :, None, None] / 4
        level.downsample.conv.bias.zero_()
    for head in encoder.heads:
        _copy_block(getattr(encoder, f"mid{head}").block_1, source.mid.block_1)
        getattr(encoder, f"norm_out{head}").load_state_dict(source.norm_out.state_dict())
        out = getattr(encoder, f"conv_out{head}")
        out.weight.zero_()[:, :, 1, 1] = source.conv_out.weight[:, :, 0, 0]
        out.bias.copy_(source.conv_out.bias)


def start_decoder(decoder: Decoder, source: TokenizerDecoder) -> None:
    """All behind the middle."""
    for level, other in zip(decoder.up, source.up, strict=True):
        for block, learnt in zip(level.block, other.block, strict=True):
            _copy_block(block, learnt)
    for level, other in zip(decoder.up[1:], source.up[1:], strict=True):
        level.upsample.conv.load_state_dict(other.upsample.conv.state_dict())
    decoder.norm_out.load_state_dict(source.norm_out.state_dict())
    decoder.conv_out.weight.copy_(2 * source.conv_out.weight)
    decoder.conv_out.bias.copy_(2 * source.conv_out.bias - 1)


def _copy_block(block: ResnetBlock, source: ResnetBlock) -> None:
    """The tokenizer's convolutions have no biases."""
    for name, layer in source.named_children():
        ours = getattr(block, name)
        if isinstance(layer, nn.Conv2d):
            _fill(ours, layer)
        else:
            ours.load_state_dict(layer.state_dict())


def _fill(conv: nn.Conv2d, source: nn.Conv2d) -> None:
    """A convolution whose first inputs are the source's; the others begin without effect."""
    conv.weight.zero_()[:, : source.in_channels] = source.weight
    conv.bias.copy_(torch.zeros_like(conv.bias) if source.bias is None else source.bias)


def _embed(conv: nn.Conv2d) -> None:
    """A 1x1 convolution whose first outputs are its inputs."""
    inputs = conv.in_channels
    conv.weight[:inputs] = torch.eye(inputs)[:, :, None, None]
    conv.bias[:inputs] = 0


def _silence(conv: nn.Conv2d) -> None:
    conv.weight.zero_()
    conv.bias.zero_()


def _start_codebook(quantiser: Quantiser, codes: Tensor) -> None:
    book = quantiser.codebook
    book.weight[:-1] = codes
    book.cluster_size_ema.fill_(FIRST_COUNT)
    book.embed_ema.copy_(FIRST_COUNT * codes)
