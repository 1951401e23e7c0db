"""The bundled weights have no part that training left behind or that a bound holds fast."""

import torch

from ulbic.codec.profiles import TINY
from ulbic.models.checkpoint import load_checkpoint
from ulbic.models.layers import GDN


def test_no_part_of_the_bundled_weights_is_frozen():
    model = load_checkpoint(TINY.find_weights()).model
    zeros = {name: float((p == 0).float().mean()) for name, p in model.named_parameters()}
    assert {name: share for name, share in zeros.items() if share > 0.05} == {}
    norms = [module for module in model.modules() if isinstance(module, GDN)]
    assert len(norms) == 3
    for norm in norms:
        assert (norm.gamma > 0).all()  # at 0 a bound holds them: a norm of constants is no norm
        assert (norm.beta > 1e-6).all()
    assert len(torch.unique(model.tokenizer.quantize.embedding.weight, dim=0)) == 1024
