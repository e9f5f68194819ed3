"""Optical flow: which way it points, how far, and on what frames."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from vadkit import registry
from vadkit.data.flow.dis import Dis
from vadkit.errors import DataError


@pytest.fixture
def texture():
    """A gray picture (96, 128, 1) of soft random blotches, which flow can follow."""
    noise = np.random.default_rng(0).integers(0, 256, (96, 128)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 3)
    return cv2.normalize(soft, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)[..., None]


def moved(picture, dx, dy):
    return np.roll(picture, (dy, dx), axis=(0, 1))


def middle(flow):
    """Median dx and dy away from the borders, where pictures wrap around."""
    return np.median(flow[20:-20, 20:-20].reshape(-1, 2), axis=0)


@pytest.mark.parametrize("preset", ["ultrafast", "fast", "medium"])
@pytest.mark.parametrize(("dx", "dy"), [(3, 0), (0, -2), (-4, 2)])
def test_flow_points_from_the_previous_frame_to_the_current_one(texture, preset, dx, dy):
    flow = Dis(preset=preset)(texture, moved(texture, dx, dy))
    assert flow.shape == (96, 128, 2)
    assert flow.dtype == np.float32
    np.testing.assert_allclose(middle(flow), [dx, dy], atol=0.25)


def test_nothing_moves_between_equal_frames(texture):
    assert np.abs(Dis()(texture, texture)).max() < 0.01


def test_rgb_frames_without_colour_move_like_gray_ones(texture):
    after = moved(texture, 2, 1)
    gray = Dis()(texture, after)
    rgb = Dis()(np.repeat(texture, 3, axis=-1), np.repeat(after, 3, axis=-1))
    np.testing.assert_array_equal(gray, rgb)


def test_threads_share_one_object(texture):
    flow = Dis()
    pairs = [(texture, moved(texture, dx, 0)) for dx in (1, 2, 3, 4)] * 4
    alone = [flow(*pair) for pair in pairs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda pair: flow(*pair), pairs))
    np.testing.assert_array_equal(alone, together)


def test_frames_that_are_too_small():
    assert Dis()(*np.zeros((2, 12, 12, 1), np.uint8)).shape == (12, 12, 2)
    with pytest.raises(DataError, match=r"12x12 pixels or more, not 40x8; enlarge clip.size"):
        Dis()(*np.zeros((2, 8, 40, 1), np.uint8))


def test_frames_of_two_sizes():
    with pytest.raises(DataError, match=r"one size, not \(16, 16, 1\) and \(16, 20, 1\)"):
        Dis()(np.zeros((16, 16, 1), np.uint8), np.zeros((16, 20, 1), np.uint8))


def test_the_registry_builds_it():
    assert registry.build("flow", "dis", {"preset": "fast"}).preset == "fast"


@pytest.mark.parametrize("upscale", [2, 3])
def test_an_enlarged_search_gives_flow_in_pixels_of_the_frames(texture, upscale):
    flow = Dis(preset="fast", upscale=upscale)(texture, moved(texture, 2, -1))
    assert flow.shape == (*texture.shape[:2], 2)
    np.testing.assert_allclose(middle(flow), (2, -1), atol=0.1)
