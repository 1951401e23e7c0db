"""The class-conditional decoder and MAGE-C's head: sizes, what reaches what, files."""

from __future__ import annotations

import pytest
import torch
from support import toy_config

from ulbic.codec.networks import TorchNetworks
from ulbic.errors import SettingsError, WeightsError
from ulbic.models.class_decoder import (
    BASE_CLASS_DECODER,
    TINY_CLASS_DECODER,
    ClassDecoder,
    ClassPredictor,
    fitting_config,
)
from ulbic.models.class_weights import ClassWeights, encoder_tag, load_class_weights, save_class_weights
from ulbic.models.config import BASE, TINY
from ulbic.models.contrast import ContrastConfig, ContrastHead
from ulbic.models.model import UlbicModel
from ulbic.models.predictor import MaskPredictor


def parameters(module):
    return sum(p.numel() for p in module.parameters())


def toy_predictor(seed=0):
    torch.manual_seed(seed)
    return MaskPredictor(toy_config().predictor, 16, 16).eval()


def toy_decoder(classes=3):
    from dataclasses import replace

    config = fitting_config("tiny", toy_config().predictor, classes)
    return ClassDecoder(replace(config, width=32, depth=2)).eval()


def disturb(module):
    """Moves every weight off its start, where some are zero so that nothing passes them."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))


def test_the_decoder_has_the_papers_size():
    with torch.device("meta"):
        decoder = ClassDecoder(BASE_CLASS_DECODER)
        head = ContrastHead(ContrastConfig())
    assert parameters(decoder) == 113_226_729  # the paper: 113 M
    assert len(decoder.decoder_blocks) == 12
    assert parameters(head) == 768 * 768 + 768 + 768 * 128 + 128


def test_presets_fit_their_predictors():
    assert fitting_config("base", BASE.predictor, 1000) == BASE_CLASS_DECODER
    assert fitting_config("tiny", TINY.predictor, 1000) == TINY_CLASS_DECODER


def test_encoding_and_padding_are_the_predictors_own():
    predictor = toy_predictor()
    disturb(predictor)
    indices = torch.randint(64, (2, 16, 16))
    masked = torch.rand(2, 16, 16) < 0.6
    everything = torch.arange(257).expand(2, -1)
    with torch.no_grad():
        encoded = predictor.encode(indices, masked)
        assert encoded.shape == (2, 257, 32)
        torch.testing.assert_close(predictor.encode(indices, masked, everything), encoded)
        torch.testing.assert_close(
            predictor(indices, masked, None, everything), predictor(indices, masked, None)
        )


@torch.no_grad()
def test_the_label_and_what_is_known_reach_the_logits_and_nothing_else_does():
    predictor, decoder = toy_predictor(), toy_decoder()
    disturb(decoder)
    indices = torch.randint(64, (1, 16, 16))
    masked = torch.rand(1, 16, 16) < 0.6
    first, second = (ClassPredictor(predictor, decoder, label) for label in (0, 2))
    logits = first(indices, masked)
    assert logits.shape == (1, 256, 64)
    assert not torch.allclose(logits, second(indices, masked))
    hidden = torch.where(masked, (indices + 1) % 64, indices)
    torch.testing.assert_close(first(hidden, masked), logits)
    known = torch.where(masked, indices, (indices + 1) % 64)
    assert not torch.allclose(first(known, masked), logits)


def test_gradients_reach_every_weight_of_decoder_and_head():
    predictor, decoder = toy_predictor(), toy_decoder(classes=2)
    head = ContrastHead(ContrastConfig(width=32, outputs=8))
    disturb(decoder)
    encoded = predictor.encode(torch.randint(64, (2, 16, 16)), torch.rand(2, 16, 16) < 0.6).detach()
    words = predictor.token_emb.word_embeddings.weight.detach()
    logits = decoder(encoded, torch.rand(2, 16, 16) < 0.6, torch.tensor([0, 1]), words)
    (logits.square().mean() + head(encoded)[:, 0].sum()).backward()
    still = [
        name
        for module in (decoder, head)
        for name, p in module.named_parameters()
        if p.grad is None or not p.grad.any()
    ]
    assert still == []


def test_contrast_gives_unit_vectors_that_do_not_see_the_class_token():
    head = ContrastHead(ContrastConfig(width=32, outputs=8))
    encoded = torch.randn(4, 10, 32)
    vectors = head(encoded)
    torch.testing.assert_close(vectors.square().sum(dim=1), torch.ones(4))
    encoded[:, 0] = 5.0
    torch.testing.assert_close(head(encoded), vectors)


def test_a_file_gives_back_the_decoder_and_its_classes(tmp_path):
    predictor, decoder = toy_predictor(), toy_decoder()
    path = tmp_path / "classes.safetensors"
    save_class_weights(path, ClassWeights(decoder, ("ant", "bee", "7"), encoder_tag(predictor)))
    loaded = load_class_weights(path)
    assert loaded.names == ("ant", "bee", "7")
    assert loaded.encoder == encoder_tag(toy_predictor()) != encoder_tag(toy_predictor(seed=1))
    for key, value in decoder.state_dict().items():
        assert torch.equal(loaded.decoder.state_dict()[key], value)
    assert [loaded.label(text) for text in ("bee", "0", "7")] == [1, 0, 2]
    for text in ("3", "-1", "wasp"):
        with pytest.raises(SettingsError, match=r"no class .* 0 to 2 \(ant, bee, 7\)"):
            loaded.label(text)


@pytest.mark.parametrize("content", [None, b"no weights"])
def test_what_is_no_such_file_is_refused(tmp_path, content):
    path = tmp_path / "bad.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"bad\.safetensors"):
        load_class_weights(path)


@torch.no_grad()
def test_networks_of_a_class_predict_as_its_decoder_does_and_leave_the_others_alone():
    torch.manual_seed(0)
    model = UlbicModel(toy_config()).eval()
    networks, decoder = TorchNetworks(model), toy_decoder()
    disturb(decoder)
    assert networks.encoder_tag == encoder_tag(model.predictor)
    indices, masked = torch.randint(64, (1, 16, 16)), torch.rand(1, 16, 16) < 0.6
    before = networks.predict(indices, masked, None)
    second = networks.with_class(decoder, 2)
    expected = ClassPredictor(model.predictor, decoder, 2)(indices, masked)
    torch.testing.assert_close(second.predict(indices, masked, None), expected)
    assert torch.equal(networks.predict(indices, masked, None), before)
    picture = torch.rand(1, 3, 32, 32)
    assert torch.equal(second.tokenise(picture), networks.tokenise(picture))
