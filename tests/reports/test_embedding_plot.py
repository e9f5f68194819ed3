"""Scatter plots: a colour a video, named while they are few."""

import cv2
import numpy as np

from vadkit.reports.embedding_plot import embedding_plot


def pixels(path):
    image = cv2.imread(str(path))
    assert image is not None
    return image[..., ::-1].astype(int)


def count(image, colour, near=40):
    return (np.abs(image - colour).max(axis=-1) < near).sum()


def test_points_lie_where_they_are_in_the_colour_of_their_video(tmp_path):
    points = np.array([[0.0, 0.0]] * 50 + [[1.0, 1.0]] * 50)
    path = tmp_path / "sub" / "a.png"
    videos = ["a"] * 50 + ["b"] * 50
    image = pixels(embedding_plot(path, points, videos, axes=("x", "y"), title="t"))
    # The legend is in the right tenth.
    inside = image[:, : int(image.shape[1] * 0.85)]
    blue = np.argwhere(np.abs(inside - [0x00, 0x72, 0xB2]).max(axis=-1) < 40)
    orange = np.argwhere(np.abs(inside - [0xE6, 0x9F, 0x00]).max(axis=-1) < 40)
    assert len(blue) > 50 and len(orange) > 50
    assert blue[:, 0].min() > orange[:, 0].max(), "the first video's point lies lower"
    assert blue[:, 1].max() < orange[:, 1].min(), "and further left"


def test_many_videos_share_a_ramp(tmp_path):
    points = np.random.default_rng(0).normal(size=(60, 2))
    videos = [f"v{number // 2}" for number in range(60)]
    image = pixels(embedding_plot(tmp_path / "a.png", points, videos, axes=("x", "y"), title="t"))
    # The ends of viridis, in the colour bar and points; no legend's blue.
    assert count(image, [68, 1, 84], 4) > 100
    assert count(image, [253, 231, 36], 4) > 100
    assert count(image, [0x00, 0x72, 0xB2], 4) == 0
