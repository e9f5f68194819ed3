"""Boxes from archives: one table for a split, an array for each video, and what can be wrong."""

from pathlib import Path

import numpy as np
import pytest

from vadkit import registry
from vadkit.data.objects.boxes_file import BoxesFile
from vadkit.data.videos import Video
from vadkit.errors import DataError


def video(id="02", split="test"):
    return Video(id, split, Path("nowhere.mp4"))


def unread():
    raise AssertionError("a frame was decoded")
    yield


def boxes(path, id="02", length=10, split="test"):
    return BoxesFile(**{split: path})(video(id, split), length, unread())


@pytest.fixture
def table(tmp_path):
    """A function that saves a table of clips 1 and 2, with changes."""

    def save(**changes):
        arrays = {
            "clip": np.array([1, 2, 2, 2], np.int16),
            "frame": np.array([0, 5, 3, 3], np.int32),
            "xyxy": np.array(
                [[0, 0, 1, 1], [1, 2, 3, 4], [5, 6, 7, 8], [9, 9, 10, 10]], np.float32
            ),
        }
        np.savez(tmp_path / "boxes.npz", **{**arrays, **changes})
        return tmp_path / "boxes.npz"

    return save


@pytest.mark.parametrize("id", ["2", "02", "002", "Test002", "test_2"])
def test_a_table_by_clip_number(table, id):
    found = boxes(table(), id)
    assert found.frame.tolist() == [3, 3, 5]
    assert found.xyxy.tolist() == [[5, 6, 7, 8], [9, 9, 10, 10], [1, 2, 3, 4]]
    assert found.score.tolist() == [1, 1, 1]
    assert found.label.tolist() == [-1, -1, -1]
    assert (found.frame.dtype, found.xyxy.dtype) == (np.int64, np.float32)


def test_scores_and_labels_of_a_table(table):
    found = boxes(table(score=np.array([0.1, 0.2, 0.3, 0.4]), label=np.array([7, 8, 9, 10])))
    assert found.label.tolist() == [9, 10, 8]
    np.testing.assert_allclose(found.score, [0.3, 0.4, 0.2])


def test_an_array_for_each_video(tmp_path):
    path = tmp_path / "boxes.npz"
    np.savez(
        path,
        **{
            "a/b": np.array([[4, 0, 0, 2, 2], [1, 1, 1, 3, 3]]),
            "scored": np.array([[0, 0, 0, 2, 2, 0.5, 3]]),
            "none": np.zeros((0, 5)),
        },
    )
    assert boxes(path, "a/b").frame.tolist() == [1, 4]
    assert boxes(path, "a/b").at(1).xyxy.tolist() == [[1, 1, 3, 3]]
    assert boxes(path, "scored").score.tolist() == [0.5]
    assert boxes(path, "scored").label.tolist() == [3]
    assert len(boxes(path, "none")) == 0
    with pytest.raises(DataError, match="no boxes for video 'c'; it has 3 arrays: a/b, none, scor"):
        boxes(path, "c")


@pytest.mark.parametrize(
    ("id", "message"),
    [
        ("13", r"no boxes for clip 13 \(video '13'\); it has 2 clips, 1 to 2"),
        ("01_0014", "numbers its clips, but the id of video '01_0014' is not a number"),
        ("gate", "the id of video 'gate' is not a number; save an array"),
    ],
)
def test_a_clip_that_the_table_lacks(table, id, message):
    with pytest.raises(DataError, match=message):
        boxes(table(), id)


def test_boxes_beyond_the_video(table):
    assert len(boxes(table(), length=6)) == 3
    with pytest.raises(DataError, match="'02': boxes reach frame 5, but the video has 4 frames, 0"):
        boxes(table(), length=4)
    one_based = table(frame=np.array([1, 1, 2, 3]))
    with pytest.raises(DataError, match=r"reach frame 3, .* 3 frames, 0 to 2; they seem to count"):
        boxes(one_based, length=3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frame": np.array([0, -1, 3, 3])}, "the row -1, 1, 2, 3, 4 .* before frame 0"),
        ({"frame": np.array([0, 1.5, 3, 3])}, "the row 1.5, .* not a whole number"),
        ({"frame": np.array([0, np.nan, 3, 3])}, "the row nan, .* not a whole number"),
        ({"xyxy": np.full((4, 4), np.nan)}, "a value that is not finite"),
        (
            {"xyxy": np.tile([4, 0, 2, 9], (4, 1))},
            "the row 5, 4, 0, 2, 9 .* is not a box; expected x",
        ),
        ({"xyxy": np.zeros((4, 5))}, r"'xyxy' is float64 \(4, 5\); expected numbers \(4, 4\)"),
        ({"frame": np.arange(3)}, r"'frame' is int64 \(3,\); expected numbers \(4,\)"),
        ({"clip": np.array(["1", "2", "2", "2"])}, "'clip' is <U1"),
        ({"score": np.ones(2)}, r"'score' is float64 \(2,\)"),
    ],
)
def test_tables_that_make_no_sense(table, changes, message):
    with pytest.raises(DataError, match=message):
        boxes(table(**changes))


@pytest.mark.parametrize(
    "rows", [np.ones((3, 4)), np.ones((3, 8)), np.ones(5), np.array([["a"] * 5])]
)
def test_arrays_of_another_shape(tmp_path, rows):
    np.savez(tmp_path / "boxes.npz", **{"02": rows})
    with pytest.raises(DataError, match=r"video '02': .* expected \(n, 5\), \(n, 6\) or"):
        boxes(tmp_path / "boxes.npz")


def test_files_that_are_no_archive(tmp_path):
    with pytest.raises(DataError, match=r"boxes not found: .*none.npz"):
        boxes(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("no archive")
    np.save(tmp_path / "one.npy", np.ones((3, 5)))
    np.savez(tmp_path / "pickled.npz", **{"02": np.array([None, "x"], object)})
    for name in ("text.npz", "one.npy", "pickled.npz"):
        with pytest.raises(DataError, match=f"{name} cannot be read as a .npz archive of plain"):
            boxes(tmp_path / name)


def test_a_split_without_a_file(table):
    finder = BoxesFile(train=table())
    with pytest.raises(DataError, match=r"no file of boxes for the test split; set objects.test"):
        finder(video(), 10, unread())
    assert len(finder(video(split="train"), 10, unread())) == 3


def test_a_new_version_of_the_file_is_read(table):
    assert len(boxes(table())) == 3
    changed = table(
        clip=np.array([1, 1, 1, 2, 2]), frame=np.arange(5), xyxy=np.tile([0, 0, 1, 1], (5, 1))
    )
    assert len(boxes(changed)) == 2


def test_the_registry_builds_it(table):
    found = registry.build("objects", "boxes-file", {"test": str(table())})
    assert not found.reads_frames
    assert len(found(video("1"), 10, unread())) == 1


@pytest.mark.real_data
def test_published_boxes_of_ped2(real_data):
    lengths = {"train": (16, 31089), "test": (12, 34715)}
    finder = BoxesFile(
        train=real_data / "ped2" / "boxes_training.npz",
        test=real_data / "ped2" / "boxes_testing.npz",
    )
    for split, (videos, total) in lengths.items():
        found = [finder(video(f"{n:02d}", split), 180, unread()) for n in range(1, videos + 1)]
        assert sum(map(len, found)) == total
        assert all((one.xyxy <= [360, 240, 360, 240]).all() for one in found)
    with pytest.raises(DataError, match="boxes reach frame 179, but the video has 179 frames"):
        finder(video("01"), 179, unread())
