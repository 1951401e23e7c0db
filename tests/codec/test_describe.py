"""What a file says of itself, without weights."""

import pytest

from ulbic.bitstream.container import read_container
from ulbic.codec.describe import describe, info
from ulbic.errors import InputError

FILE = bytes.fromhex("d955101abc34ff05ff030102284a")  # the worked example of docs/format.md


def test_info_accounts_for_every_byte():
    account = info(FILE)
    assert (account.width, account.height, account.index_mode, account.weights_tag) == (
        768,
        512,
        "1_4",
        "abc",
    )
    assert account.bpp == 8 * 14 / (768 * 512)
    assert (account.payload_bytes, account.side_bytes) == (2, 12)
    assert (account.model_number, account.model) == (1, "tiny")
    assert describe(read_container(FILE), len(FILE)) == account


def test_info_of_a_missing_file(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        info(tmp_path / "none.ulb")
