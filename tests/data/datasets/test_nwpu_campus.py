"""NWPU Campus in each of its layouts."""

import numpy as np
import pytest

from vadkit.data.datasets.nwpu_campus import NwpuCampus
from vadkit.errors import DataError


@pytest.mark.parametrize(
    ("train", "test", "labels"),
    [
        (
            "videos/Train/D001_{01..02}.avi",
            "videos/Test/D001_{03..04}.avi",
            "groundtruth/NWPU_Campus_gt.npz",
        ),
        ("in/videos/Train/D001_{01..02}.avi", "in/videos/Test/D001_{03..04}.avi", "in/gt.npz"),
        ("Train/D001_{01..02}.avi", "Test/D001_{03..04}.avi", "gt.npz"),
        ("training/frames/D001_{01..02}/0.jpg", "testing/frames/D001_{03..04}/0.jpg", "gt.npz"),
    ],
)
def test_layouts(tmp_path, tree, ids, train, test, labels):
    tree(tmp_path, train, test, labels)
    np.savez(tmp_path / labels, D001_03=np.array([0, 1]), D001_04=np.array([0]))
    dataset = NwpuCampus(root=tmp_path)
    assert ids(dataset, "train") == ["D001_01", "D001_02"]
    assert [video.labels for video in dataset.videos("train")] == [None, None]
    first, second = dataset.videos("test")
    assert (first.id, second.id) == ("D001_03", "D001_04")
    assert (first.labels(2).tolist(), second.labels(1).tolist()) == ([False, True], [False])
    assert dataset.label_source == (tmp_path / labels).name


def test_labels_that_lack_a_video_or_are_not_there(tmp_path, tree):
    tree(tmp_path, "Train/D001_01.avi", "Test/D001_{03..04}.avi")
    dataset = NwpuCampus(root=tmp_path)
    assert [video.labels for video in dataset.videos("test")] == [None, None]
    assert dataset.label_source == "none"
    np.savez(tmp_path / "gt.npz", D001_03=np.array([0, 1]))
    with pytest.raises(DataError, match=r"gt.npz has no entry for video 'D001_04'; it has D001_03"):
        dataset.videos("test")


def test_expected_and_no_root(tmp_path, tree):
    dataset = NwpuCampus(root=tree(tmp_path, "Train/D001_01.avi"))
    assert (dataset.expected("train"), dataset.expected("test")) == ((305, 1082014), (242, 384059))
    with pytest.raises(DataError, match=r"videos/Train/D001_01.avi.*nwpu-campus/README.*root="):
        NwpuCampus(root=tmp_path / "none")
