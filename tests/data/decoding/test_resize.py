"""Frames to a clip's size and colour."""

import cv2
import numpy as np
import pytest

from vadkit.data.decoding.resize import to_size


@pytest.fixture
def frame():
    return np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)


def test_a_half_is_the_mean_of_two_by_two(frame):
    result = to_size(frame, (4, 6), "rgb")
    means = frame.reshape(4, 2, 6, 2, 3).mean((1, 3))
    assert result.shape == (4, 6, 3) and result.dtype == np.uint8
    assert np.abs(result - means).max() <= 0.5


@pytest.mark.parametrize("shape", [(17, 30), (45, 31), (36, 64), (108, 192), (100, 9)])
def test_shrinking_uses_every_row_and_column(shape):
    for axis in (0, 1):
        for place in range(shape[axis]):
            line = np.zeros((*shape, 3), np.uint8)
            line[(slice(None), place) if axis else place] = 255
            result = to_size(line, (8, 8), "rgb")
            assert result.max() > 5, (axis, place)


@pytest.mark.parametrize("shape", [(360, 640), (480, 856), (576, 768), (1080, 1920)])
def test_shrinking_averages_about_as_much_as_exact_areas(shape):
    noise = np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8)
    exact = cv2.resize(noise, (256, 256), interpolation=cv2.INTER_AREA)
    result = to_size(noise, (256, 256), "rgb")
    assert result.std() == pytest.approx(exact.std(), rel=0.2)
    assert result.mean() == pytest.approx(noise.mean(), abs=0.6)


@pytest.mark.parametrize("size", [(16, 24), (4, 24)])
def test_enlarging_a_side_interpolates(frame, size):
    expected = cv2.resize(frame, size[::-1], interpolation=cv2.INTER_LINEAR)
    assert (to_size(frame, size, "rgb") == expected).all()


def test_gray_has_one_channel_by_the_usual_weights(frame):
    result = to_size(frame, (8, 12), "gray")
    assert result.shape == (8, 12, 1) and result.dtype == np.uint8
    assert np.abs(result[..., 0] - frame @ [0.299, 0.587, 0.114]).max() <= 1


def test_the_right_size_is_not_changed(frame):
    assert (to_size(frame, (8, 12), "rgb") == frame).all()
