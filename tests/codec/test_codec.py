"""The whole path on the bundled weights: any size and kind of picture, any schedule, any process."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
import torch
from support import synthetic_picture

import ulbic
from ulbic.bitstream.container import read_container
from ulbic.codec.api import symbol_digest
from ulbic.codec.decoder import decode_symbols
from ulbic.codec.images import to_pixels
from ulbic.codec.lattices import LATTICE_NAMES
from ulbic.codec.painting import paint_map
from ulbic.errors import DamagedError, ImageError, UlbicError, WeightsError

SYMBOL_PROGRAM = """
import sys, torch
torch.set_num_threads(int(sys.argv[2]))
from ulbic.codec.api import symbol_digest
print(symbol_digest(sys.argv[1], device="cpu"))
"""


@pytest.mark.parametrize("size", [(1, 1), (17, 300), (300, 17), (256, 256), (513, 769)])
def test_any_size_comes_back(size):
    data = ulbic.encode(synthetic_picture(*size), 3)
    assert ulbic.info(data).width == size[0]
    decoded = ulbic.decode(data)
    assert decoded.size == size
    assert decoded.mode == "RGB"


def test_a_decoded_photograph_resembles_the_original():
    from ulbic.benchmarks.metrics import psnr
    from ulbic.cli.demo import sample_photo
    from ulbic.codec.images import load_picture

    photo = load_picture(sample_photo())
    assert psnr(photo, ulbic.decode(ulbic.encode(photo, 5))) > 18


def test_files_grow_with_quality():
    sizes = [len(ulbic.encode(synthetic_picture(256, 256, seed=1), q)) for q in range(1, 9)]
    assert sizes == sorted(sizes)


def symbols_of(bundle, data, **options):
    return decode_symbols(bundle, read_container(data, **options))


@pytest.mark.parametrize("mode", [*LATTICE_NAMES, "masked", "dual"])
def test_every_index_mode_sends_what_it_says(mode, bundle):
    picture = synthetic_picture(128, 64)
    data = ulbic.encode(picture, 2, index_mode=mode)
    symbols = symbols_of(bundle, data)
    full = symbols_of(bundle, ulbic.encode(picture, 2, index_mode="1_1")).indices
    assert np.array_equal(symbols.indices, np.where(symbols.received, full, 0))
    assert ulbic.decode(data).size == (128, 64)


def test_other_processes_threads_and_folders_decode_the_same_symbols(tmp_path):
    path = tmp_path / "picture.ulb"
    path.write_bytes(ulbic.encode(synthetic_picture(300, 200), 5))
    digests = {
        subprocess.run(
            [sys.executable, "-c", SYMBOL_PROGRAM, str(path), threads],
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads, folder in (("1", tmp_path), ("2", "/"))
    }
    assert digests == {symbol_digest(path) + "\n"}


def test_encoding_is_reproducible():
    picture = synthetic_picture(64, 64)
    assert ulbic.encode(picture) == ulbic.encode(picture)


def test_windows_leave_no_seam(bundle):
    """Painting in overlapping windows equals painting at once, except for what lies beyond the overlap."""
    generator = torch.Generator().manual_seed(0)
    networks = bundle.networks
    indices = torch.randint(0, 1024, (20, 48), generator=generator)
    received = torch.ones(20, 48, dtype=torch.bool)
    with torch.no_grad():
        whole = networks.paint(indices[None], received[None], None, None)
    parts = paint_map(networks, indices, received, None)
    assert np.abs(to_pixels(whole).astype(int) - parts).mean() < 0.5


def test_decoding_with_other_weights_is_refused(bundle):
    data = bytearray(ulbic.encode(synthetic_picture(16, 16)))
    data[4] ^= 1
    import binascii

    data[-2:] = binascii.crc_hqx(bytes(data[:-2]), 0xFFFF).to_bytes(2, "big")
    with pytest.raises(WeightsError, match="other weights|made with weights"):
        ulbic.decode(bytes(data))


def test_damage_is_noticed():
    data = bytearray(ulbic.encode(synthetic_picture(64, 64)))
    data[len(data) // 2] ^= 16
    with pytest.raises(DamagedError):
        ulbic.decode(bytes(data))


@pytest.mark.parametrize("data", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n\0\0"])
def test_what_is_not_a_picture_is_refused(data):
    with pytest.raises(ImageError):
        ulbic.encode(data)


def test_a_truncated_picture_is_refused():
    buffer = io.BytesIO()
    synthetic_picture(64, 64).save(buffer, "PNG")
    with pytest.raises(ImageError, match="damaged"):
        ulbic.encode(buffer.getvalue()[:-300])


@pytest.mark.parametrize("quality", [0, 13])
def test_quality_out_of_range_is_refused(quality):
    with pytest.raises(UlbicError, match="1 to 12"):
        ulbic.encode(synthetic_picture(8, 8), quality)


def test_verification_decodes_what_was_written():
    picture = synthetic_picture(200, 120)
    assert ulbic.encode(picture, 4, verify=True) == ulbic.encode(picture, 4)


def test_a_preview_is_the_continuous_stream_alone():
    picture = synthetic_picture(128, 96)
    previews = [
        np.asarray(ulbic.decode(ulbic.encode(picture, 4, index_mode=s), preview=True)) for s in ("0", "1_1")
    ]
    assert np.array_equal(*previews)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.75, 0.99])
def test_a_truncated_file_gives_a_picture_and_a_warning(share):
    data = ulbic.encode(synthetic_picture(160, 128), 5)
    cut = data[: max(12, int(share * len(data)))]
    with pytest.raises(DamagedError):
        ulbic.decode(cut)
    with pytest.warns(UserWarning, match="cut off or damaged"):
        assert ulbic.decode(cut, allow_partial=True).size == (160, 128)


def test_more_of_a_file_is_more_of_the_symbols(bundle):
    data = ulbic.encode(synthetic_picture(160, 128), 5)
    lengths = range(len(data), 11, -9)
    missing = [symbols_of(bundle, data[:n], allow_partial=True).missing for n in lengths]
    assert missing[0] == 0
    assert missing == sorted(missing)


def test_a_partial_decode_of_a_complete_file_is_the_usual_one():
    data = ulbic.encode(synthetic_picture(64, 64), 3)
    assert np.array_equal(np.asarray(ulbic.decode(data)), np.asarray(ulbic.decode(data, allow_partial=True)))
