"""Hostile and truncated files: only the documented errors, whatever the bytes."""

import subprocess
import sys

import pytest
from support import synthetic_picture

import ulbic
from ulbic.benchmarks.experiments.fuzz import fuzz_containers, fuzz_files, sample_files
from ulbic.bitstream import varint
from ulbic.errors import DamagedError, UlbicError

pytestmark = pytest.mark.filterwarnings("ignore:the file is cut off")


def test_mutated_containers_give_documented_errors():
    outcomes = fuzz_containers(sample_files(), 20_000, seed=1)
    assert {"DamagedError", "NotUlbError", "VersionError", "LimitError", "read"} <= set(outcomes)


def test_mutated_files_give_documented_errors_or_pictures():
    outcomes = fuzz_files(sample_files(), 60, seed=2)
    assert outcomes["decoded"] > 0


def test_truncation_at_every_length_is_an_error_or_a_picture():
    data = ulbic.encode(synthetic_picture(40, 24), 2)
    for length in range(len(data)):
        with pytest.raises(UlbicError):
            ulbic.decode(data[:length])
        try:
            picture = ulbic.decode(data[:length], allow_partial=True)
        except DamagedError:
            assert length < 10  # within the header
        except UlbicError:
            assert length < 3
        else:
            assert picture.size == (40, 24)


@pytest.mark.parametrize("mode", ["masked", "dual"])
def test_what_is_left_of_chosen_indices_is_a_picture(mode):
    data = ulbic.encode(synthetic_picture(160, 96), 4, index_mode=mode)
    for length in range(len(data) - 24, len(data), 4):
        assert ulbic.decode(data[:length], allow_partial=True).size == (160, 96)


PROGRAM = """
import sys
from ulbic.cli.main import cli
try:
    cli(["decode", sys.argv[1], "-o", sys.argv[1] + ".png"])
except SystemExit as end:
    print(end.code, "torch" in sys.modules)
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peak memory is read from /proc")
def test_a_bomb_costs_no_more_than_starting_up(tmp_path):
    bomb = tmp_path / "bomb.ulb"
    bomb.write_bytes(bytes.fromhex("d95510100034") + varint.pack(59_999) * 2 + bytes(18))
    command = [sys.executable, "-c", PROGRAM, str(bomb)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    code, peak_kib = result.stdout.splitlines()
    assert code == "10 False"
    assert int(peak_kib) < 150_000
    assert "60000 x 60000" in result.stderr
