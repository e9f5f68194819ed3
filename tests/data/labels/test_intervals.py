"""Intervals to frames and back, lengths that do not fit, and what is said to be the cause."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.arrays import runs
from vadkit.data.labels.intervals import (
    Labels,
    intervals_to_frames,
    join_intervals,
    likely_cause,
)
from vadkit.errors import DataError


@given(st.lists(st.booleans(), max_size=60))
def test_intervals_round_trip(flags):
    flags = np.array(flags, bool)
    intervals = runs(flags)
    np.testing.assert_array_equal(intervals_to_frames(intervals, len(flags), "01"), flags)
    assert all(before[1] < after[0] for before, after in pairwise(intervals))
    labels = Labels.from_flags(flags)
    assert labels == Labels(intervals, len(flags))
    np.testing.assert_array_equal(labels.of("01", "labels.json")(len(flags)), flags)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), max_size=12))
def test_joined_intervals_cover_the_same_frames(spans):
    intervals = [(start, start + length) for start, length in spans]
    expected = np.zeros(50, bool)
    for start, end in intervals:
        expected[start:end] = True
    assert join_intervals(intervals) == runs(expected)


def test_interval_beyond_the_video_names_it_and_both_numbers():
    with pytest.raises(DataError, match=r"'cam/07' reach frame 181, .* has 180 .*one frame is off"):
        intervals_to_frames([(60, 181)], 180, "cam/07")


@pytest.mark.parametrize("interval", [(-1, 5), (5, 5), (6, 2)])
def test_invalid_interval(interval):
    with pytest.raises(DataError, match=r"'01'.*not an interval"):
        intervals_to_frames([interval], 10, "01")


def test_length_mismatch_names_video_both_numbers_and_file():
    labels = Labels([(2, 4)], 180)
    assert labels.flags(180, "03", "labels.json").sum() == 2
    with pytest.raises(DataError, match=r"'03' has 179 frames but labels.json labels 180; one fra"):
        labels.flags(179, "03", "labels.json")


def test_labels_without_a_length_fit_any_that_holds_them():
    labels = Labels([(2, 4)])
    assert labels.flags(5, "03", "x.m").tolist() == [False, False, True, True, False]
    with pytest.raises(DataError, match="'03' reach frame 4, but the video has 3"):
        labels.of("03", "x.m")(3)


@pytest.mark.parametrize(
    ("frames", "labelled", "cause"),
    [
        (180, 181, "one frame is off"),
        (181, 180, "one frame is off"),
        (1, 0, "one frame is off"),
        (360, 180, "the labels are at 1/2 of the frame rate"),
        (361, 180, "the labels are at 1/2 of the frame rate"),
        (180, 360, "the video was re-encoded or extracted at 1/2 of the frame rate"),
        (1500, 301, "the labels are at 1/5 of the frame rate"),
        (190, 176, "whole segments of 16 frames"),
        (180, 175, "leave out 5 frames"),
        (180, 100, "cut or re-encoded"),
        (175, 180, "cut or re-encoded"),
        (50, 0, "cut or re-encoded"),
    ],
)
def test_likely_cause(frames, labelled, cause):
    assert cause in likely_cause(frames, labelled)


@given(st.floats(1, 120), st.integers(2, 500), st.integers(0, 499), st.integers(1, 500))
def test_seconds_become_the_frames_shown_then(fps, frames, start, length):
    start = min(start, frames - 1)
    end = min(start + length, frames)
    times = np.arange(frames) / fps
    labels = Labels([], frames, ((start / fps, end / fps),))
    assert labels.in_frames(times, "a", "l.csv") == Labels([(start, end)], frames)


def test_seconds_of_a_video_with_a_varying_rate():
    times = np.array([0, 0.1, 0.2, 5.0, 5.1, 5.2])
    labels = Labels([], None, ((0.15, 5.05), (0.0, 0.05)))
    assert labels.in_frames(times, "a", "l.csv") == Labels([(0, 1), (2, 4)])
    # Between two frames, the earlier one is still shown.
    assert Labels([], None, ((3.0, 4.0),)).in_frames(times, "a", "l.csv").intervals == [(2, 3)]
    # The end of a video is often rounded up.
    assert Labels([], None, ((5.15, 6.0),)).in_frames(times, "a", "l.csv").intervals == [(5, 6)]


@pytest.mark.parametrize("pair", [(20.0, 40.0), (1.0, 12.0), (10.0, 10.5)])
def test_seconds_after_the_end_of_the_video(pair):
    with pytest.raises(DataError, match=r"of video 'a' is not inside .* ends at 10 s; are these f"):
        Labels([], None, (pair,)).in_frames(np.arange(100) / 10, "a", "l.csv")


def test_seconds_without_times_of_frames():
    with pytest.raises(DataError, match=r"l\.csv labels video 'a' in seconds; .*data convert"):
        Labels([], None, ((1.0, 2.0),)).flags(100, "a", "l.csv")
