"""Names in label files and names of videos."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.data.labels.names import match_endings, match_videos, without_ending
from vadkit.errors import DataError


@pytest.mark.parametrize(
    ("names", "videos", "expected"),
    [
        (["01.mp4", "02.AVI"], ["01", "02"], ["01", "02"]),
        (["01"], ["01.mp4"], ["01.mp4"]),
        # Two videos with this name: neither is meant for sure.
        (["a"], ["a.mp4", "a.avi"], ["a"]),
        (["a.mp4", "a.avi"], ["a.mp4", "a.avi"], ["a.mp4", "a.avi"]),
        (["a.mp4"], ["a.avi"], ["a.mp4"]),
        # Not the ending of a video.
        (["cam.north"], ["cam"], ["cam.north"]),
        (["01.05"], ["01"], ["01.05"]),
    ],
)
def test_names_with_endings(names, videos, expected):
    assert list(match_endings(names, videos).values()) == expected


@given(st.lists(st.text(max_size=8), unique=True), st.sampled_from([".mp4", ".MKV", ".dav"]))
def test_an_added_ending_is_removed(names, ending):
    plain = [name for name in names if without_ending(name) == name]
    assert match_endings([name + ending for name in plain], plain) == {
        name + ending: name for name in plain
    }


@pytest.mark.parametrize("names", [["a", "a.mp4"], ["a.mp4", "a"], ["a.mp4", "a.avi"]])
def test_two_names_of_one_video(names):
    with pytest.raises(DataError, match=f"'{names[0]}' and '{names[1]}' are both video 'a'; rem"):
        match_endings(names, ["a", "b"])


@given(st.lists(st.text(max_size=8), unique=True), st.lists(st.text(max_size=8), unique=True))
def test_no_two_names_get_one_video(names, videos):
    try:
        found = match_endings(names, videos)
    except DataError:
        # Two names of one video, such as "a" and "a.ts".
        assert len({without_ending(name) for name in names}) < len(names)
        return
    assert list(found) == names
    assert len(set(found.values())) == len(names)


def test_labels_with_endings_match_by_name_not_by_order():
    assert match_videos(["cam1.mp4", "cam2.mp4"], ["cam2", "cam1"]) == (
        {"cam1.mp4": "cam1", "cam2.mp4": "cam2"},
        False,
    )
    pairs = {r"D:\set\Cam01.avi": "cam1"}
    assert match_videos(list(pairs), ["cam1"]) == (pairs, False)
