"""Labels of a dataset's videos: by name, by order, of parts, and what is missing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.data.datasets.labelled import read_flags, read_part_flags, read_tracks
from vadkit.data.labels.intervals import Labels
from vadkit.data.labels.own import write_labels
from vadkit.errors import DataError


def test_by_name_in_any_format(tmp_path, own_labels):
    own_labels(tmp_path / "l.json", {"b": (3, (1, 3)), "a": (2,)})
    (tmp_path / "l.csv").write_text("video,start,end,frames\nb,1,3,3\na,,,2\n")
    (tmp_path / "npy").mkdir()
    np.save(tmp_path / "npy" / "a.npy", np.zeros(2, np.uint8))
    np.save(tmp_path / "npy" / "b.npy", np.array([0, 1, 1], np.uint8))
    for name in ("l.json", "l.csv", "npy"):
        flags = read_flags(tmp_path / name, ["a", "b"])
        assert flags["a"](2).tolist() == [False, False]
        assert flags["b"](3).tolist() == [False, True, True]
        with pytest.raises(DataError, match=f"'b' has 4 frames but {name} labels 3"):
            flags["b"](4)


def test_missing_entries_are_counted_and_the_known_ones_named(tmp_path, own_labels):
    own_labels(tmp_path / "l.json", {"a": (2,)})
    with pytest.raises(DataError, match=r"no entry for video 'b' and 1 more; it has a"):
        read_flags(tmp_path / "l.json", ["a", "b", "c"])
    with pytest.raises(DataError, match="labels not found"):
        read_flags(tmp_path / "none.json", ["a"])


def test_normal_videos_may_be_absent(tmp_path):
    (tmp_path / "annotations.txt").write_text("v 1 3\n")
    flags = read_flags(tmp_path / "annotations.txt", ["v", "n"], "xd-violence", {"n"})
    assert flags["n"](2).tolist() == [False, False]
    assert flags["v"](3).tolist() == [False, True, True]
    with pytest.raises(DataError, match="no entry for video 'm'"):
        read_flags(tmp_path / "annotations.txt", ["v", "m"], "xd-violence", {"n"})


def test_files_by_order_need_every_video(tmp_path):
    (tmp_path / "l.m").write_text("gt_frame = [1:2];\ngt_frame = [2:2];\n")
    flags = read_flags(tmp_path / "l.m", ["04", "07"])
    assert flags["07"](2).tolist() == [False, True]
    with pytest.raises(DataError, match="labels 2 videos by their order, but there are 3 test"):
        read_flags(tmp_path / "l.m", ["04", "07", "08"])


@given(st.lists(st.booleans(), min_size=8, max_size=40), st.data())
def test_parts_together_are_the_whole(tmp_path_factory, values, data):
    path = tmp_path_factory.mktemp("labels") / "l.json"
    whole = np.array(values)
    write_labels(path, {"all": Labels.from_flags(whole)})
    cut = data.draw(st.integers(1, len(whole) - 1))
    flags = read_part_flags(path, "all", {"one": (0, cut), "two": (cut, None)})
    both = [*flags["one"](cut), *flags["two"](len(whole) - cut)]
    assert both == values


def test_a_part_may_have_an_entry_of_its_own(tmp_path, own_labels):
    parts = {"one": (0, 4), "two": (4, None)}
    own_labels(tmp_path / "both.json", {"all": (10, (3, 6)), "two": (6, (5, 6))})
    flags = read_part_flags(tmp_path / "both.json", "all", parts)
    assert flags["one"](4).tolist() == [False, False, False, True]
    assert flags["two"](6).tolist() == [False] * 5 + [True]
    own_labels(tmp_path / "one.json", {"two": (6, (5, 6))})
    with pytest.raises(DataError, match=r"no entry 'all' .* its part 'one'; it has two"):
        read_part_flags(tmp_path / "one.json", "all", parts)


def test_parts_of_a_file_of_another_length(tmp_path, own_labels):
    own_labels(tmp_path / "l.json", {"all": (10, (3, 6))})
    flags = read_part_flags(tmp_path / "l.json", "all", {"one": (0, 12), "two": (4, None)})
    with pytest.raises(DataError, match=r"labels 10 frames of video 'all'.* reaches frame 12"):
        flags["one"](12)
    with pytest.raises(DataError, match=r"'all' has 11 frames but l.json labels 10"):
        flags["two"](7)


def test_tracks_by_video(tmp_path):
    (tmp_path / "01.txt").write_text("0,2,1,1,5,5\n0,3,1,1,5,5\n")
    (tmp_path / "02.txt").write_text("")
    tracks = read_tracks(tmp_path, ["01", "02", "n"], {"n"})
    assert [track.frames.tolist() for track in tracks["01"]()] == [[2, 3]]
    assert tracks["02"]() == tracks["n"]() == []
    assert read_tracks(None, ["01"]) == {}
    with pytest.raises(DataError, match=r"no tracks 03.txt and 1 more"):
        read_tracks(tmp_path, ["01", "03", "04"])
    with pytest.raises(DataError, match="tracks not found"):
        read_tracks(tmp_path / "none", ["01"])


def test_names_with_the_ending_of_a_file(tmp_path):
    (tmp_path / "l.csv").write_text("video,start,end\nb.mp4,1,3\na.MP4,,\n")
    flags = read_flags(tmp_path / "l.csv", ["a", "b"])
    assert flags["a"](3).tolist() == [False] * 3
    assert flags["b"](3).tolist() == [False, True, True]


@pytest.fixture
def images(tmp_path):
    """Three folders of 3, 2 and 4 images, by name."""
    import cv2

    found = {}
    for name, frames in (("a", 3), ("b", 2), ("c", 4)):
        found[name] = tmp_path / name
        found[name].mkdir()
        for number in range(frames):
            cv2.imwrite(str(found[name] / f"{number}.png"), np.zeros((4, 6), np.uint8))
    return found


def test_a_row_for_all_videos_is_cut_by_their_lengths(tmp_path, images, caplog):
    np.save(tmp_path / "gt.npy", np.array([[0, 0, 1, 1, 0, 0, 1, 1, 0]]))
    flags = read_flags(tmp_path / "gt.npy", images)
    assert flags["b"](2).tolist() == [True, False]
    assert flags["c"](4).tolist() == [False, True, True, False]
    assert flags["a"](3).tolist() == [False, False, True]
    assert caplog.messages == [
        "gt.npy is one row for all videos; it was cut in the order a (3), b (2), c (4)"
    ]
    with pytest.raises(DataError, match=r"'b' has 3 frames but gt\.npy labels 2"):
        flags["b"](3)


def test_a_row_of_another_length_than_the_videos(tmp_path, images):
    np.save(tmp_path / "gt.npy", np.zeros(8))
    flags = read_flags(tmp_path / "gt.npy", images)
    with pytest.raises(DataError, match=r"one row of 8 values, and the 3 videos have 9 frames; g"):
        flags["a"](3)


def test_a_row_named_like_a_video_is_of_that_video(tmp_path, images):
    np.save(tmp_path / "a.npy", np.zeros(3))
    with pytest.raises(DataError, match="no entry for video 'b' and 1 more; it has a"):
        read_flags(tmp_path / "a.npy", images)


def test_seconds_in_a_folder_of_images_need_a_rate(tmp_path, images):
    (tmp_path / "l.csv").write_text("video,start_s,end_s\na,1,2\nb,,\nc,,\n")
    flags = read_flags(tmp_path / "l.csv", images)
    assert flags["b"](2).tolist() == [False, False]
    with pytest.raises(DataError, match="folder of images, which have no times"):
        flags["a"](3)
