"""Intervals to frames and back, lengths that do not fit, and what is said to be the cause."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.data.labels.intervals import (
    Labels,
    frames_to_intervals,
    intervals_to_frames,
    join_intervals,
    likely_cause,
)
from vadkit.errors import DataError


@given(st.lists(st.booleans(), max_size=60))
def test_intervals_round_trip(flags):
    flags = np.array(flags, bool)
    intervals = frames_to_intervals(flags)
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
    assert join_intervals(intervals) == frames_to_intervals(expected)


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
