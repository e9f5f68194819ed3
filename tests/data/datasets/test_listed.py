"""Lists of videos as authors publish them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from vadkit.data.datasets.listed import ListedVideos
from vadkit.data.datasets.video_lists import read_video_list, video_of
from vadkit.errors import DataError


@pytest.mark.parametrize(
    ("line", "name", "abnormal", "category"),
    [
        ("/home/me/UCF_Train_ten_i3d/Abuse001_x264_i3d.npy", "Abuse001_x264", None, None),
        ("Abuse/Abuse001_x264.mp4", "Abuse001_x264", True, "Abuse"),
        ("/data/ucf/Normal_Videos_003_x264__7.npy", "Normal_Videos_003_x264", False, None),
        ("/a/b/Abuse028_x264__0.npy,Abuse", "Abuse028_x264", True, "Abuse"),
        ("/a/Normal_Videos_1__0.npy,Normal", "Normal_Videos_1", False, None),
        ("01_0014 1", "01_0014", True, None),
        ("01_001,0", "01_001", False, None),
        ("x/A.Beautiful.Mind.2001__#00-03-20_00-06-01_label_A__2.npy",
         "A.Beautiful.Mind.2001__#00-03-20_00-06-01_label_A", False, None),
        ("x/v=abc__#1_label_B2-0-0__0.npy", "v=abc__#1_label_B2-0-0", True, "shooting"),
        ("x/v=abc__#1_label_G-0-0.npy,G-0-0", "v=abc__#1_label_G-0-0", True, "explosion"),
    ],
)  # fmt: skip
def test_a_line_has_a_path_and_perhaps_a_label(tmp_path, line, name, abnormal, category):
    (tmp_path / "list.txt").write_text(line + "\n")
    (one,) = read_video_list(tmp_path / "list.txt").values()
    assert (one.name, one.abnormal, one.category) == (name, abnormal, category)


def test_crops_are_one_video_and_a_header_is_none(tmp_path):
    lines = ["path,label", *(f"/a/Abuse028_x264__{n}.npy,Abuse" for n in range(10))]
    (tmp_path / "list.csv").write_text("\n".join(lines))
    assert list(read_video_list(tmp_path / "list.csv")) == ["Abuse028_x264"]


def test_two_labels_of_one_video_are_an_error(tmp_path):
    (tmp_path / "list.txt").write_text("a 0\na 1\n")
    with pytest.raises(DataError, match="line 2: video 'a' has another label than before"):
        read_video_list(tmp_path / "list.txt")


@pytest.mark.parametrize("label", ["764", "-1", "2.0"])
def test_a_number_that_is_no_label_is_an_error(tmp_path, label):
    (tmp_path / "list.txt").write_text(f"a 0\nNormal_Videos_003_x264.mp4 {label}\n")
    with pytest.raises(DataError, match=f"line 2: the label {label} is neither 0, 1"):
        read_video_list(tmp_path / "list.txt")


def test_paths_of_windows_have_names_too():
    assert video_of(r"D:\features\Arson011_x264_i3d.npy") == "Arson011_x264"


def test_a_split_with_labels_is_enough(tmp_path):
    split = {
        "weak_split": {"train": ["a", "b"], "test": ["c"]},
        "videos": {
            "a": {"frames": 30, "abnormal": []},
            "b": {"frames": 40, "abnormal": [[3, 9]]},
            "c": {"frames": 20, "abnormal": [[5, 20]]},
        },
    }
    path = tmp_path / "split.json"
    path.write_text(json.dumps(split))
    dataset = ListedVideos(split=path)
    train, (test,) = dataset.videos("train"), dataset.videos("test")
    assert [(one.id, one.abnormal, one.frames) for one in train] == [
        ("a", False, 30),
        ("b", True, 40),
    ]
    assert all(one.labels is None for one in train)
    assert test.labels(20).tolist() == [False] * 5 + [True] * 15
    assert test.frames == 20 and test.abnormal


def test_names_tell_what_lists_without_labels_do_not(tmp_path):
    (tmp_path / "train.txt").write_text("Test001\nTrain001\n")
    with pytest.raises(DataError, match="nothing says whether 'Test001' is abnormal"):
        ListedVideos(train=tmp_path / "train.txt").videos("train")
    found = ListedVideos(train=tmp_path / "train.txt", abnormal="Test").videos("train")
    assert [one.abnormal for one in found] == [True, False]


def test_a_row_of_labels_is_cut_by_the_features(tmp_path):
    for name, segments in (("b", 3), ("a", 2)):
        np.save(tmp_path / f"{name}.npy", np.zeros((segments, 4), np.float32))
    (tmp_path / "test.txt").write_text("/x/b.npy 1\n/x/a.npy 0\n")
    (tmp_path / "train.txt").write_text("/x/b.npy 1\n/x/a.npy 0\n")
    np.save(tmp_path / "gt.npy", np.repeat([0.0, 1.0, 0.0], [16, 16, 48]))
    lists = {"train": tmp_path / "train.txt", "test": tmp_path / "test.txt"}
    labels = tmp_path / "gt.npy"
    with pytest.raises(DataError, match=r"one row of labels .* give dataset.features"):
        ListedVideos(**lists, labels=labels).videos("test")
    dataset = ListedVideos(**lists, labels=labels, features=tmp_path)
    b, a = dataset.videos("test")
    assert np.flatnonzero(b.labels(48)).tolist() == list(range(16, 32))
    assert not a.labels(32).any()
