"""Features from files: what is read, what fits which object, and what is wrong with a file."""

from pathlib import Path

import numpy as np
import pytest
import torch

from vadkit.data.videos import Video
from vadkit.errors import DataError
from vadkit.features.files import EmbeddingsFile, PosesFile

VIDEO = Video("01", "train", Path("01.mp4"))


def saved(folder, name="01.npz", **arrays):
    np.savez(folder / name, **arrays)
    return folder


def test_an_array_has_a_row_for_each_frame(tmp_path):
    np.save(tmp_path / "01.npy", np.arange(6.0).reshape(3, 2))
    given = EmbeddingsFile(train=tmp_path).read(VIDEO, 3)
    assert given.rows.tolist() == [[0, 1], [2, 3], [4, 5]] and given.xyxy is None
    assert given.frame.tolist() == [0, 1, 2]


def test_rows_of_objects_are_sorted_by_frame(tmp_path):
    boxes = np.array([[0, 0, 2, 2], [1, 1, 3, 3]])
    folder = saved(tmp_path, frame=[4, 1], rows=[[1.0], [2.0]], xyxy=boxes)
    given = EmbeddingsFile(train=folder).read(VIDEO, 5)
    assert given.frame.tolist() == [1, 4] and given.rows.tolist() == [[2], [1]]
    assert given.xyxy.tolist() == boxes[::-1].tolist()


def test_poses_do_not_depend_on_place_and_size(tmp_path):
    points = np.array([[0.0, 0, 1], [4, 0, 1], [2, 8, 1], [999, 999, 0]])
    moved = points * [2, 2, 1] + [10, 20, 0]
    folder = saved(tmp_path, frame=[0, 0], keypoints=np.stack([points, moved]))
    given = PosesFile(train=folder).read(VIDEO, 1)
    np.testing.assert_allclose(given.rows[0], [-0.25, -0.5, 0.25, -0.5, 0, 0.5, 0, 0])
    np.testing.assert_allclose(given.rows[1], given.rows[0])
    assert given.xyxy.tolist() == [[0, 0, 4, 8], [10, 20, 18, 36]]


def test_poses_without_any_point_are_left_out(tmp_path):
    keypoints = np.ones((2, 3, 3)) * [[[1], [2], [3]]]
    keypoints[1, :, 2] = 0
    folder = saved(tmp_path, frame=[0, 1], keypoints=keypoints)
    assert PosesFile(train=folder).read(VIDEO, 2).frame.tolist() == [0]


def test_objects_get_the_row_that_overlaps_them_most():
    feature = EmbeddingsFile()
    given = torch.tensor([[0.0, 0, 10, 10, 1], [2, 0, 12, 10, 2]])
    boxes = torch.tensor([[3.0, 0, 13, 10], [50, 50, 60, 60]])
    found = feature([given, torch.zeros(0, 5)], [boxes, boxes[:1]])
    assert found[0].item() == 2
    assert found[1:].isnan().all() and found.shape == (3, 1)


def test_a_row_of_the_frame_is_used_for_every_object():
    given = torch.tensor([[torch.nan] * 4 + [7.0]])
    assert EmbeddingsFile()([given], [torch.rand(3, 4)]).tolist() == [[7]] * 3


KEYPOINTS = np.zeros((2, 3, 2))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"frame": [0, 1]}, "lacks the array 'rows'; it has frame"),
        ({"frame": [0, 1], "rows": [1.0, 2.0]}, r"'rows' is float64 \(2,\); expected .*\(2, F\)"),
        ({"frame": [0, 9], "rows": [[1.0], [2.0]]}, "rows reach frame 9, but the video has 5"),
        ({"frame": [0, 0.5], "rows": [[1.0], [2.0]]}, "not a whole number from 0 on"),
        ({"frame": [0, 1], "rows": [[1.0], [np.nan]]}, "values that are not finite"),
        (
            {"frame": [1, 1], "rows": [[1.0], [2.0]]},
            "several rows of one frame; also save their boxes",
        ),
        (
            {"frame": [0, 1], "rows": [[1.0], [2.0]], "xyxy": np.zeros((2, 3))},
            r"'xyxy' is float64 \(2, 3\); expected numbers \(2, 4\)",
        ),
        ({"frame": [0, 1], "rows": [["a"], ["b"]]}, "expected numbers"),
    ],
)
def test_faults_of_a_file_are_named(tmp_path, arrays, message):
    folder = saved(tmp_path, **arrays)
    with pytest.raises(DataError, match=r"01.npz.*" + message):
        EmbeddingsFile(train=folder).read(VIDEO, 5)


def test_poses_of_another_shape_are_named(tmp_path):
    folder = saved(tmp_path, frame=[0, 1], keypoints=np.zeros((2, 3, 4)))
    with pytest.raises(DataError, match=r"'keypoints' is \(2, 3, 4\); expected \(n, K, 2\)"):
        PosesFile(train=folder).read(VIDEO, 5)


def test_another_number_of_frames_is_named(tmp_path):
    np.save(tmp_path / "01.npy", np.zeros((4, 2)))
    with pytest.raises(DataError, match="rows of 4 frames, but the video has 5"):
        EmbeddingsFile(train=tmp_path).read(VIDEO, 5)


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(DataError, match=r"no folder for the train split; set train"):
        EmbeddingsFile(test=tmp_path).read(VIDEO, 5)
    with pytest.raises(DataError, match=r"/nowhere is not a folder"):
        EmbeddingsFile(train=tmp_path / "nowhere").read(VIDEO, 5)
    (tmp_path / "02.npz").write_bytes(b"")
    with pytest.raises(
        DataError, match=r"video '01' has no 01.npz or 01.npy in .*; it contains 1 files: 02.npz"
    ):
        EmbeddingsFile(train=tmp_path).read(VIDEO, 5)
    (tmp_path / "01.npz").write_bytes(b"broken")
    with pytest.raises(DataError, match=r"01.npz cannot be read as plain arrays"):
        PosesFile(train=tmp_path).read(VIDEO, 5)
