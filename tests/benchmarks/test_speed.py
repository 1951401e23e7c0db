from support import synthetic_picture

from ulbic.benchmarks.speed import STAGES, commands, run, stage_table


def test_every_stage_is_found_in_the_codec(tmp_path):
    picture = tmp_path / "a.png"
    synthetic_picture(64, 48).save(picture)
    rows = [line.split(" | ") for line in stage_table(picture, 1)[2:]]
    named = [(row[0].removeprefix("| "), row[1]) for row in rows]
    for direction, stages in STAGES.items():
        own = [stage for place, stage in named if place == direction]
        assert own == [*stages, "everything else", "total"]


def test_a_whole_process_is_timed_and_weighed(tmp_path, picture_file):
    cost = run(commands("jpeg", 5, picture_file, tmp_path)["encode"])
    assert (tmp_path / "jpeg.bin").read_bytes()[:2] == b"\xff\xd8"
    assert cost.seconds > 0
    assert cost.mebibytes > 5
