"""Weak splits of data sets that are published for one-class learning, and folders of classes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from vadkit.data.datasets.folder import Folder
from vadkit.data.datasets.shanghaitech import ShanghaiTech
from vadkit.data.datasets.ucsd import Ucsd
from vadkit.errors import DataError


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folders_are_classes_and_a_share_of_each_is_held_out(tmp_path):
    for kind in ("fight", "fall", "noFight"):
        touch(*(tmp_path / kind / f"{number:02d}.mp4" for number in range(8)))
    dataset = Folder(root=tmp_path, normal="noFight")
    train, test = dataset.videos("train"), dataset.videos("test")
    assert Counter(one.category for one in train) == {"fight": 6, "fall": 6, None: 6}
    assert Counter(one.category for one in test) == {"fight": 2, "fall": 2, None: 2}
    assert not {one.id for one in train} & {one.id for one in test}
    assert all(one.abnormal == (one.category is not None) for one in train)
    for one in test:
        assert one.labels(5).tolist() == [one.abnormal] * 5
    again = Folder(root=tmp_path, normal="noFight").videos("test")
    assert [one.id for one in again] == [one.id for one in test]


def test_folders_of_classes_have_a_normal_one(tmp_path):
    touch(tmp_path / "fight" / "1.mp4")
    with pytest.raises(DataError, match="no folder 'noFight' of normal videos; it has fight"):
        Folder(root=tmp_path, normal="noFight").videos("train")
    touch(tmp_path / "1.mp4")
    with pytest.raises(DataError, match="is in no folder of a class"):
        Folder(root=tmp_path, normal="fight").videos("train")


def test_labels_of_frames_stand_above_those_of_folders(tmp_path):
    touch(*(tmp_path / kind / "1.mp4" for kind in ("fight", "calm")))
    labels = {"fight/1": {"frames": 6, "abnormal": [[2, 4]]}}
    path = tmp_path / "labels.json"
    path.write_text(json.dumps({"format": "vadkit-labels-1", "videos": labels}))
    dataset = Folder(root=tmp_path, test=tmp_path, labels=path, normal="calm")
    found = {one.id: one.labels(6) for one in dataset.videos("test")}
    assert np.flatnonzero(found["fight/1"]).tolist() == [2, 3]
    assert not found["calm/1"].any()


def test_shanghaitech(tmp_path):
    touch(*(tmp_path / f"training/videos/01_00{n}.avi" for n in (1, 2)))
    touch(*(tmp_path / f"testing/frames/01_00{n}/1.jpg" for n in (14, 15)))
    masks = tmp_path / "testing" / "test_frame_mask"
    masks.mkdir()
    for name in ("01_0014", "01_0015"):
        np.save(masks / f"{name}.npy", np.array([0, 1, 1]))
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "SH_Train.txt").write_text("01_001,0\n01_0014,1\n")
    (tmp_path / "lists" / "SH_Test.txt").write_text("01_0015,1\n01_002,0\n")
    split = tmp_path / "split.json"
    split.write_text(json.dumps({"train": ["01_001", "01_0014"], "test": ["01_0015", "01_002"]}))
    for path in (split, tmp_path / "lists"):
        dataset = ShanghaiTech(root=tmp_path, split=path)
        train, test = dataset.videos("train"), dataset.videos("test")
        assert [(one.id, one.abnormal) for one in train] == [("01_001", False), ("01_0014", True)]
        assert all(one.split == "train" and one.labels is None for one in train)
        assert test[0].labels(3).tolist() == [False, True, True]
        assert test[1].labels(4).tolist() == [False] * 4
        assert dataset.expected("train") is None
    split.write_text(json.dumps({"train": ["09_009"], "test": []}))
    with pytest.raises(DataError, match="lists '09_009', which is no video"):
        ShanghaiTech(root=tmp_path, split=split).videos("train")


@pytest.mark.real_data
def test_the_weak_split_of_ped2(real_data):
    dataset = Ucsd(root=real_data / "ped2", split=real_data / "ped2" / "weak_split.json")
    train, test = dataset.videos("train"), dataset.videos("test")
    assert Counter(one.abnormal for one in train) == {True: 6, False: 4}
    assert Counter(one.abnormal for one in test) == {False: 12, True: 6}
    assert {one.id for one in train} | {one.id for one in test} == {
        *(f"Train{n:03d}" for n in range(1, 17)),
        *(f"Test{n:03d}" for n in range(1, 13)),
    }
    first = next(one for one in test if one.id == "Test001")
    assert first.path.parent.name == "testing" and first.labels(180).sum() == 120


@pytest.mark.real_data
def test_the_weak_split_of_shanghaitech_by_lists(real_data):
    from vadkit.data.datasets.listed import ListedVideos

    dataset = ListedVideos(split=real_data / "shanghaitech" / "labels.json")
    train, test = dataset.videos("train"), dataset.videos("test")
    assert (len(train), len(test)) == (238, 199)
    assert Counter(one.abnormal for one in train) == {False: 175, True: 63}
    assert all(one.labels(one.frames).any() == one.abnormal for one in test)
