"""Pictures with classes: what counts, what is held out, and what is refused."""

from __future__ import annotations

import io
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from ulbic.errors import ImageError, InputError
from ulbic.training.classes import Choice, LabelledPicture, labelled_views, open_classes


def write_pictures(folder, count, shade=0):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        Image.new("RGB", (40, 30), (shade, 10 * i, 0)).save(folder / f"{i}.png")


def test_a_folder_of_class_folders(tmp_path):
    write_pictures(tmp_path / "dog" / "poodle", 10)
    write_pictures(tmp_path / "cat", 5)
    write_pictures(tmp_path / "rare", 1)
    write_pictures(tmp_path / ".hidden", 9)
    (tmp_path / "cat" / "notes.txt").write_text("nine lives")
    classes = open_classes(tmp_path)
    assert classes.names == ("cat", "dog")
    assert sorted(p.label for p in classes.held_out) == [0, 1, 1]
    assert sorted(p.label for p in classes.training) == [0] * 4 + [1] * 8
    assert not {p.path for p in classes.held_out} & {p.path for p in classes.training}
    assert all(p.path.is_relative_to(tmp_path / classes.names[p.label]) for p in classes.training)
    assert open_classes(tmp_path) == classes
    assert open_classes(tmp_path, Choice(seed=1)) != classes


def test_large_classes_are_drawn_from_and_small_ones_left_out(tmp_path):
    for name, count in (("a", 9), ("b", 6), ("c", 3)):
        write_pictures(tmp_path / name, count)
    classes = open_classes(tmp_path, Choice(at_least=4, at_most=5, held_out=0.4))
    assert classes.names == ("a", "b")
    assert [p.label for p in classes.training] == [0] * 3 + [1] * 3
    assert [p.label for p in classes.held_out] == [0] * 2 + [1] * 2


def test_a_folder_that_is_split_already_stays_so(tmp_path):
    for part, count in (("train", 4), ("val", 2)):
        for name in ("ant", "bee"):
            write_pictures(tmp_path / part / name, count)
    classes = open_classes(tmp_path)
    assert (classes.names, len(classes.training), len(classes.held_out)) == (("ant", "bee"), 8, 4)
    assert {p.path.parts[-3] for p in classes.held_out} == {"val"}
    (tmp_path / "train" / "wasp").mkdir()
    write_pictures(tmp_path / "train" / "wasp", 2)
    with pytest.raises(InputError, match="no pictures of the class 'wasp'"):
        open_classes(tmp_path)


def test_source_sets_of_shards_are_classes(tmp_path):
    lines = ["shard,name,set,width,height,bytes"]
    for shard in range(2):
        with tarfile.open(tmp_path / f"shard-0{shard}.tar", "w") as tar:
            for i in range(6):
                buffer = io.BytesIO()
                Image.new("RGB", (20, 20), (200 * (i % 2), 0, 50 * shard)).save(buffer, "PNG")
                member = tarfile.TarInfo(f"{i}.png")
                member.size = buffer.tell()
                buffer.seek(0)
                tar.addfile(member, buffer)
                lines.append(f"{shard},{i}.png,{'odd' if i % 2 else 'even'},20,20,{member.size}")
    (tmp_path / "manifest.csv").write_text("\n".join(lines))
    classes = open_classes(tmp_path)
    assert classes.names == ("even", "odd")
    assert len(classes.training) + len(classes.held_out) == 12
    for picture in classes.training:
        assert picture.read()[0, 0, 0] == 200 * picture.label
    (tmp_path / "shard-01.tar").unlink()
    with pytest.raises(InputError, match="cannot read the shards"):
        open_classes(tmp_path)


def test_too_few_classes_are_refused(tmp_path):
    with pytest.raises(InputError, match="no folder"):
        open_classes(tmp_path / "nowhere")
    write_pictures(tmp_path / "only", 5)
    with pytest.raises(InputError, match="no two class folders of at least 2 pictures"):
        open_classes(tmp_path)


def test_a_broken_picture_is_named(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"broken\.png"):
        LabelledPicture(tmp_path / "broken.png").read()
    with pytest.raises(InputError, match=r"missing\.png"):
        LabelledPicture(tmp_path / "missing.png").read()


def test_batches_carry_the_labels_of_their_pictures(tmp_path):
    write_pictures(tmp_path / "dark", 4, shade=0)
    write_pictures(tmp_path / "light", 4, shade=255)
    pictures = open_classes(tmp_path).training
    first, second = (b for b, _ in zip(labelled_views(pictures, 6, 32, seed=2), range(2), strict=False))
    assert first.x.shape == (6, 3, 32, 32)
    for batch in (first, second):
        assert torch.equal(batch.x[:, 0, 0, 0].round().long(), batch.labels)
    assert not torch.equal(first.x, second.x)
    again = next(labelled_views(pictures, 6, 32, seed=2, step=1, rows=slice(1, 3)))
    torch.testing.assert_close(again.x, second.x[1:3])
    assert torch.equal(again.to("cpu").labels, second.labels[1:3])
    assert np.isfinite(again.x.numpy()).all()
