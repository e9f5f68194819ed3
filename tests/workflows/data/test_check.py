"""What counts as a fault of a dataset: plain facts in, faults out."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.data.decoding.decode import VideoInfo
from vadkit.workflows.data.faults import (
    CheckedVideo,
    copy_faults,
    label_faults,
    length_fault,
    numbering_faults,
    official_faults,
    short_faults,
    size_fault,
    split_size_faults,
)
from vadkit.workflows.data.look import FileCheck


def video(split="train", name="01", **facts):
    return CheckedVideo(split, name, facts.pop("path", f"/{split}/{name}"), **facts)


def brief(faults):
    return [(fault.severity, fault.kind, fault.video) for fault in faults]


def test_length_against_the_container():
    assert length_fault("v", (5, True), 5, cut=False) is None
    assert length_fault("v", (9, False), 8, cut=False) is None
    cut = length_fault("v", (60, True), 29, cut=True)
    about = length_fault("v", (60, False), 29, cut=True)
    more = length_fault("v", (60, True), 61, cut=False)
    assert brief([cut, about, more]) == [
        ("error", "truncated", "v"),
        ("error", "truncated", "v"),
        ("warning", "frame-count", "v"),
    ]
    assert "states 60 frames but 29 came; the file is truncated" in cut.message
    assert "states about 60 frames but 29 came" in about.message
    assert "states 60 frames but 61 came" in more.message


def messages(names):
    return [fault.message for fault in numbering_faults("v", names)]


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["7.jpg"],
        ["001.jpg", "002.jpg", "003.jpg"],
        ["0.jpg", "5.jpg", "10.jpg"],
        ["cam2_8.png", "cam2_9.png", "cam2_10.png"],
        ["a.png", "b.png"],
        # Times in milliseconds at 30 frames a second.
        ["0.jpg", "33.jpg", "67.jpg", "100.jpg", "133.jpg"],
    ],
)
def test_numbering_in_order(names):
    assert messages(names) == []


def test_gaps_in_numbering():
    assert messages(["001.jpg", "002.jpg", "004.jpg", "007.jpg", "008.jpg"]) == [
        "3 frames are missing from the numbering: 003, 005 to 006; copy or extract the folder "
        "again, because labels after a gap would be shifted"
    ]
    assert (
        "1 frame is missing from the numbering: 15;"
        in messages(["0.png", "5.png", "10.png", "20.png"])[0]
    )
    many = [f"{n}.jpg" for n in range(60) if n % 5]
    assert (
        "11 frames are missing from the numbering: 5, 10, 15, 20, 25 and 6 more;"
        in (messages(many)[0])
    )


def test_numbers_that_look_like_timestamps_are_a_warning():
    (fault,) = numbering_faults("v", ["1.jpg", "2.jpg", "900.jpg"])
    assert fault.severity == "warning"
    assert "3 images, but their numbers leave out 897" in fault.message


def test_repeated_numbers():
    (fault,) = numbering_faults("v", ["1.jpg", "1.png", "2.jpg", "2.png", "3.jpg"])
    assert fault.severity == "error"
    assert "2 frame numbers are given to more than one image, first 1.jpg and 1.png" in (
        fault.message
    )


@given(
    st.integers(0, 50), st.integers(1, 9), st.integers(5, 40), st.data(), st.sampled_from([1, 4])
)
def test_every_frame_taken_out_is_counted(start, step, count, data, digits):
    numbers = range(start, start + step * count, step)
    # The commonest distance must stay the regular one.
    out = data.draw(st.sets(st.sampled_from(numbers[1:-1]), max_size=(count - 1) // 4))
    names = [f"f{number:0{digits}d}.jpg" for number in numbers if number not in out]
    found = messages(names)
    if out:
        assert found[0].startswith(f"{len(out)} frame")
    else:
        assert found == []


def test_sizes():
    assert size_fault("v", Counter({(48, 64): 9}), "frames") is None
    fault = size_fault("v", Counter({(48, 64): 9, (24, 32): 1}), "frames")
    assert (fault.severity, fault.kind) == ("warning", "mixed-sizes")
    assert "frames of 2 sizes: 9 of 64x48, 1 of 32x24" in fault.message
    same = [video(height=48, width=64), video("test", height=24, width=32)]
    assert split_size_faults(same) == []
    mixed = [*same, video(name="02", height=24, width=32), video(name="03")]
    assert brief(split_size_faults(mixed)) == [("warning", "mixed-sizes", "train")]


def test_copies():
    videos = [video(name="01"), video(name="02"), video("test", "01"), video("test", "02")]
    contents = {"/train/01": "a", "/train/02": "a", "/test/01": "a", "/test/02": "b"}
    twice, leak = copy_faults(videos, contents)
    assert brief([twice, leak]) == [
        ("warning", "duplicate", "train/02"),
        ("error", "train-test-overlap", "test/01"),
    ]
    assert "same content as train/01" in twice.message
    assert "same content as train/01" in leak.message
    assert copy_faults(videos, {}) == []


@pytest.mark.parametrize(
    ("train", "test", "overlap"),
    [
        ((0, 10), (10, None), False),
        ((10, 20), (0, 10), False),
        ((0, 11), (10, None), True),
        (None, (10, 20), True),
        ((5, None), (0, 10), True),
    ],
)
def test_parts_of_one_file_are_copies_only_where_they_overlap(train, test, overlap):
    videos = [video(part=train, path="f"), video("test", part=test, path="f")]
    assert bool(copy_faults(videos, {"f": "f"})) == overlap


def labelled(name, abnormal, frames=10):
    return video("test", name, labels="l.json", abnormal=abnormal, frames=frames)


def test_labels_of_the_test_split():
    assert label_faults([video()]) == []
    assert label_faults([labelled("01", 0), labelled("02", 3)]) == []
    bare = [video("test", "01"), video("test", "02")]
    assert brief(label_faults(bare)) == [("warning", "no-labels", "test")]
    assert brief(label_faults([bare[0], labelled("02", 3)])) == [("error", "no-labels", "test/01")]
    for abnormal, word in ((0, "normal"), (10, "abnormal")):
        (fault,) = label_faults([labelled("01", abnormal), labelled("02", abnormal)])
        assert (fault.severity, fault.kind) == ("error", "one-class-test")
        assert f"all 20 labelled test frames are {word}" in fault.message
    # A video whose labels could not be read may hold the other class.
    assert label_faults([labelled("01", 0), labelled("02", None)]) == []


def test_short_videos():
    videos = [video(frames=3), video(name="02", frames=5), video("test", frames=1), video("test")]
    faults = short_faults(videos, 5)
    assert brief(faults) == [
        ("warning", "too-short", "train/01"),
        ("error", "too-short", "test/01"),
    ]
    assert faults[0].message.startswith("3 frames, but a clip of the recipe spans 5")
    assert short_faults(videos[:2], 3) == []


def test_official_counts():
    videos = [video(frames=10), video(name="02", frames=20)]
    assert official_faults("train", videos, None) == []
    assert official_faults("train", videos, (2, 30)) == []
    assert official_faults("train", videos, (2, None)) == []
    fewer, more = official_faults("train", videos, (3, 28))
    assert brief([fewer, more]) == [
        ("error", "official-counts", "train"),
        ("warning", "official-counts", "train"),
    ]
    assert "2 videos, 1 fewer than the official 3" in fewer.message
    assert "30 frames, 2 more than the official 28" in more.message
    # The sum is not known where one video's length is not.
    assert official_faults("train", [*videos, video(name="03")], (3, 99)) == []


def info(frames, *, duration=None, variable_rate=False):
    return VideoInfo(25.0, (4, 6), frames, "h264", "yuv420p", duration, variable_rate)


def test_when_a_file_is_cut():
    assert not FileCheck(info(10), 10).cut
    assert not FileCheck(info(10), 11).cut
    assert FileCheck(info(10), 9).cut
    assert FileCheck(info(10), 10, broken="no reader can open it").cut
    # Four seconds are about 100 frames.
    assert FileCheck(info(None, duration=4.0), 50).stated == (100, False)
    assert FileCheck(info(None, duration=4.0), 50).cut
    assert not FileCheck(info(None, duration=4.0), 95).cut
    assert not FileCheck(info(None, duration=4.0, variable_rate=True), 50).cut
    assert not FileCheck(info(None), 9).cut
