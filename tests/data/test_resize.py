"""Frames to a clip's size and colour."""

import cv2
import numpy as np
import pytest

from vadkit.data.resize import to_size


@pytest.fixture
def frame():
    return np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)


def test_shrinking_averages_areas(frame):
    result = to_size(frame, (4, 6), "rgb")
    means = frame.reshape(4, 2, 6, 2, 3).mean((1, 3))
    assert result.shape == (4, 6, 3) and result.dtype == np.uint8
    assert np.abs(result - means).max() <= 0.5


@pytest.mark.parametrize("size", [(16, 24), (4, 24)])
def test_enlarging_a_side_interpolates(frame, size):
    expected = cv2.resize(frame, size[::-1], interpolation=cv2.INTER_LINEAR)
    assert (to_size(frame, size, "rgb") == expected).all()


def test_gray_has_one_channel_by_the_usual_weights(frame):
    result = to_size(frame, (8, 12), "gray")
    assert result.shape == (8, 12, 1) and result.dtype == np.uint8
    assert np.abs(result[..., 0] - frame @ [0.299, 0.587, 0.114]).max() <= 1


def test_the_right_size_is_left_alone(frame):
    assert (to_size(frame, (8, 12), "rgb") == frame).all()
