"""What the networks of docs/sparse.md are held against one another by."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from sparse import toys
from support import needs_shared, synthetic_picture

from ulbic.benchmarks.experiments.sparse_bits import dq_bits, log2_binomial, stackformer_bits
from ulbic.benchmarks.experiments.sparse_claims import main, middle, quarters, trained_share
from ulbic.benchmarks.experiments.sparse_samples import sheet
from ulbic.models.sparse.dqvae import DualCodes
from ulbic.models.sparse.files import save_network
from ulbic.models.sparse.mqvae import Pairs


def knowing_nothing(network):
    """A prior whose tokens are all equally likely."""
    for name, parameter in network.named_parameters():
        if "head.1" in name:
            parameter.data.zero_()
    return network


def test_the_bits_of_a_choice():
    assert log2_binomial(256, 64) == pytest.approx(203.567, abs=1e-3)
    assert (log2_binomial(4, 1), log2_binomial(9, 9)) == (2, 0)


def test_a_stackformer_that_knows_nothing_pays_for_every_token():
    pairs = Pairs(torch.zeros(2, 16, dtype=torch.int64), torch.arange(16).expand(2, -1))
    bits = stackformer_bits(knowing_nothing(toys.stackformer()), [pairs, pairs])
    assert bits.code == pytest.approx(math.log2(25))  # 24 codes and the start
    assert bits.position == pytest.approx(math.log2(65))
    assert bits.total == pytest.approx(16 * (math.log2(25) + math.log2(65)))
    assert (bits.uniform_code, bits.uniform_position) == (math.log2(24), 6)
    assert bits.set_positions == pytest.approx(log2_binomial(64, 16))


def test_a_dq_transformer_pays_for_codes_and_for_coarse_positions_with_their_end():
    grains = torch.zeros(2, 4, 4, dtype=torch.int64)
    grains[0, 0, :2] = 1  # 14 coarse codes and 8 fine ones; and 16 coarse ones
    codes = DualCodes(torch.zeros(2, 8, 8, dtype=torch.int64), grains)
    bits = dq_bits(knowing_nothing(toys.dq_transformer()), [codes])
    assert bits.code == pytest.approx(math.log2(27))  # 24 codes, pad, end, start
    assert bits.position == pytest.approx(math.log2(67))
    assert bits.positions == pytest.approx(16 * math.log2(67))  # 15 and 17 of them
    assert bits.set_positions == pytest.approx(math.log2(17) + math.log2(120) / 2)


def test_crops_are_the_middle_and_the_quarters_around_it():
    picture = Image.new("L", (576, 576))
    picture.putpixel((160, 160), 255)
    assert middle(picture, 256).getpixel((0, 0)) == 255
    places = [part.getbbox() for part in quarters(picture)]
    assert places == [(128, 128, 129, 129), None, None, None]


def test_the_trained_share_is_that_of_the_last_quarter():
    lines = [{"share_1": share} for share in (0.9, 0.8, 0.7, 0.6, 0.6, 0.6, 0.5, 0.4)]
    assert trained_share(lines) == pytest.approx(0.45)
    assert trained_share([{"loss": 1.0}]) is None


@needs_shared
def test_the_command_writes_tables_of_a_run(tmp_path):
    run = tmp_path / "run"
    networks = {
        "mq-learnt": toys.mq_vae(),
        "mq-random": toys.mq_vae(selection="random"),
        "dq-10": toys.dq_vae(),
        "dq-10/dq-prior": toys.dq_transformer(coarse_side=8, stack=replace(toys.DUAL.stack, block_size=288)),
    }
    for name, network in networks.items():
        save_network(run / name / "weights.safetensors", network, torch.float32)
        line = {"step": 25, "seconds": 20.0, "share_1": 0.5}
        (run / name / "log.jsonl").write_text(json.dumps(line) + "\n")
    (tmp_path / "pictures").mkdir()
    for seed in (0, 1):
        synthetic_picture(512, 512, seed).save(tmp_path / "pictures" / f"{seed}.png")
    result = CliRunner().invoke(main, [str(run), str(tmp_path / "pictures"), "-o", str(tmp_path / "out")])
    assert result.exception is None
    text = (tmp_path / "out" / "claims.md").read_text()
    assert text.startswith("Means of 2 crops; 20 CPU seconds a network.")
    assert "| `mq-learnt` | 64.0 |" in text
    assert "| `mq-learnt` - `mq-random` |" in text
    assert "| `dq-prior` |" in text
    assert set(json.loads((tmp_path / "out" / "claims.json").read_text())) == {
        "mq-learnt",
        "mq-random",
        "dq-10",
        "dq-prior",
    }


def test_a_sheet_has_a_row_for_every_prior():
    rows = [torch.zeros(3, 3, 4, 4), torch.ones(3, 3, 4, 4)]
    made = sheet(rows)
    assert made.size == (12, 8)
    assert (made.getpixel((11, 3)), made.getpixel((0, 4))) == ((0, 0, 0), (255, 255, 255))
