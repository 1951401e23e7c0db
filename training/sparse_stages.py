"""Losses of the stages `mq-vae`, `dq-vae`, `stackformer` and `dq-transformer`.

Crops come in [0, 1]; the networks want [-1, 1].
"""

from __future__ import annotations

import torch
from torch import Tensor

from ulbic.models.sparse.dqtransformer import DqTransformer
from ulbic.models.sparse.dqvae import DqVae, DualCodes
from ulbic.models.sparse.mqvae import MqVae, Pairs
from ulbic.models.sparse.quantiser import Quantised, Quantiser, random_picks
from ulbic.models.sparse.router import grain_share
from ulbic.models.sparse.sequences import joined, packed, to_parts
from ulbic.models.sparse.stackformer import Stackformer

from .adversarial import PatchDiscriminator, adaptive_weight, hinge_loss, opinion_loss
from .config import TrainConfig
from .distributed import total, whole
from .losses import PerceptualLoss
from .tokenizer_stage import rows_at

COMMITMENT = 0.25
Terms = tuple[Tensor, dict[str, Tensor]]


def mq_vae_loss(
    network: MqVae,
    discriminator: PatchDiscriminator | None,
    perceptual: PerceptualLoss,
    x: Tensor,
    config: TrainConfig,
) -> Terms:
    """L1 + LPIPS + commitment (+ opinion), of the picture made from the kept positions."""
    picture = 2 * x - 1
    output = network(picture)
    absorb(network.quantize, output.quantised)
    last = network.decoder.conv_out.weight
    loss, terms = picture_loss(output.reconstruction, picture, last, discriminator, perceptual, config)
    loss = loss + COMMITMENT * output.quantised.commitment
    return loss, {**terms, **_codebook_terms(output.quantised)}


def dq_vae_loss(
    network: DqVae,
    discriminator: PatchDiscriminator | None,
    perceptual: PerceptualLoss,
    x: Tensor,
    config: TrainConfig,
) -> Terms:
    """The same and, with the feature router, the budget."""
    picture = 2 * x - 1
    output = network(picture)
    absorb(network.quantize, output.quantised)
    last = network.decoder.conv_out.weight
    loss, terms = picture_loss(output.reconstruction, picture, last, discriminator, perceptual, config)
    loss = loss + COMMITMENT * output.quantised.commitment
    gate = output.routed.gate
    if output.routed.logits is not None:
        terms["budget"] = network.budget_loss(gate)
        loss = loss + terms["budget"]
    for grain in range(1, network.config.granularities):
        terms[f"share_{grain}"] = grain_share(gate, grain)
    return loss, {**terms, **_codebook_terms(output.quantised)}


def picture_loss(
    made: Tensor,
    picture: Tensor,
    last: Tensor,
    discriminator: PatchDiscriminator | None,
    perceptual: PerceptualLoss,
    config: TrainConfig,
) -> Terms:
    """Fidelity of a reconstruction in [-1, 1], and both sides of the adversarial game if there is one."""
    made = made.float()
    distortion = (made - picture).abs().mean()
    distance = perceptual((made + 1) / 2, (picture + 1) / 2).mean()
    loss = config.l1_weight * distortion + config.lpips_weight * distance
    terms = {"fidelity": distortion, "lpips": distance}
    if discriminator is None:
        return loss, terms
    opinion = opinion_loss(discriminator, made)
    weight = config.adversarial_weight * adaptive_weight(loss, opinion, last)
    hinge = hinge_loss(discriminator, picture, made)
    terms |= {"opinion": opinion, "hinge": hinge}
    return loss + weight.clamp(max=config.adversarial_cap) * opinion + hinge, terms


def absorb(quantiser: Quantiser, quantised: Quantised) -> None:
    """Moves the codebook, over all processes of a run, and restarts what nothing is quantised to.

    That is a code with an average count below 1 a step, or in steps of few features below an eighth of an
    equal share: else most codes would be new ones in every step.
    """
    flat = quantised.features.movedim(1, -1).flatten(0, -2)
    least = min(1.0, whole(len(flat)) / len(quantiser.codebook.cluster_size_ema) / 8)

    def restart(count: int) -> Tensor:
        return rows_at(flat, random_picks(whole(len(flat)), count).to(flat.device))

    quantiser.absorb(quantised.features, quantised.indices, restart=restart, least=least, total=total)


def _codebook_terms(quantised: Quantised) -> dict[str, Tensor]:
    used = torch.tensor(float(quantised.indices.unique().numel()))
    return {"commitment": quantised.commitment, "codes": used}


def stackformer_loss(network: Stackformer, first_stage: MqVae, x: Tensor) -> Terms:
    """Cross-entropy of codes and positions in raster order."""
    return stackformer_terms(network, first_stage.pairs(2 * x - 1))


def stackformer_terms(network: Stackformer, pairs: Pairs) -> Terms:
    """The same for crops that are coded already."""
    losses = network.losses(pairs)
    return losses.total, {"code": losses.code, "position": losses.position}


def dq_transformer_loss(network: DqTransformer, first_stage: DqVae, x: Tensor) -> Terms:
    """Cross-entropy of contents and positions, coarse to fine; no row sees its padding."""
    return dq_transformer_terms(network, first_stage.codes(2 * x - 1))


def dq_transformer_terms(network: DqTransformer, codes: DualCodes) -> Terms:
    """The same for crops that are coded already."""
    tokens = network.tokens
    sequence = packed(joined(*to_parts(codes, tokens), tokens), tokens)
    losses = network.losses(sequence)
    return losses.total, {
        "content": losses.content,
        "coarse_position": losses.coarse_position,
        "fine_position": losses.fine_position,
        "codes": codes.lengths().float().mean(),
    }
