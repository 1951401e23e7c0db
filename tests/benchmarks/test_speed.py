import pytest
from support import synthetic_picture

from ulbic.benchmarks.peers import CODECS
from ulbic.benchmarks.speed import STAGES, stages, whole_process


@pytest.mark.parametrize("direction", list(STAGES))
def test_every_stage_is_found_in_the_codec(direction):
    seconds = stages(CODECS["ulbic"], direction, 1, synthetic_picture(64, 48))
    assert list(seconds) == [*STAGES[direction], "everything else"]
    assert sum(seconds.values()) > 0


def test_a_whole_process_is_timed_and_weighed(tmp_path, picture_file):
    cost = whole_process("encode", "jpeg", 5, picture_file, tmp_path / "a.jpg")
    assert (tmp_path / "a.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert cost.seconds > 0
    assert not cost.peak_mib < 5
