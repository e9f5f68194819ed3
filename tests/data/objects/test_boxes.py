"""Boxes as data: by frame, joined over frames, cut to the frame."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.data.objects import FrameBoxes, boxes_of_frames, within_frame


def some(count):
    xyxy = np.arange(count * 4, dtype=np.float64).reshape(count, 4)
    return FrameBoxes(xyxy, np.full(count, 0.5), np.arange(count))


def test_boxes_of_a_frame():
    boxes = boxes_of_frames([some(2), some(0), some(1)])
    assert len(boxes) == 3
    assert boxes.frame.tolist() == [0, 0, 2]
    assert boxes.at(0).xyxy.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert boxes.at(0).label.tolist() == [0, 1]
    assert boxes.at(2).score.tolist() == [0.5]
    assert boxes.at(1).xyxy.shape == (0, 4)
    assert len(boxes.at(99)) == 0
    types = [v.dtype for v in (boxes.frame, boxes.xyxy, boxes.score, boxes.label)]
    assert types == [np.int64, np.float32, np.float32, np.int64]


@pytest.mark.parametrize("frames", [0, 3])
def test_a_video_without_objects(frames):
    boxes = boxes_of_frames([some(0)] * frames)
    assert len(boxes) == 0
    assert boxes.xyxy.shape == (0, 4)
    assert boxes.frame.dtype == boxes.label.dtype == np.int64


@given(st.lists(st.integers(0, 4), max_size=8))
def test_every_frame_gets_its_own_boxes(counts):
    boxes = boxes_of_frames([some(count) for count in counts])
    assert [len(boxes.at(frame)) for frame in range(len(counts))] == counts


def test_boxes_are_cut_to_the_frame():
    xyxy = np.array([[-5, -5, 10, 10], [90, 40, 120, 60], [100, 0, 110, 10], [3, 4, 5, 6]], float)
    cut = within_frame(FrameBoxes(xyxy, np.arange(4) / 4, np.arange(4)), 50, 100)
    assert cut.xyxy.tolist() == [[0, 0, 10, 10], [90, 40, 100, 50], [3, 4, 5, 6]]
    assert cut.label.tolist() == [0, 1, 3]
    assert cut.score.tolist() == [0, 0.25, 0.75]
