"""Thumbnails and the one scale of error maps."""

import base64

import cv2
import numpy as np
import pytest

from vadkit.reports.thumbnails import heat_thumbnail, heats, thumbnail


def decoded(uri):
    data = base64.b64decode(uri.removeprefix("data:image/jpeg;base64,"))
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


@pytest.mark.parametrize(("size", "shown"), [((300, 512), (150, 256)), ((40, 64), (40, 64))])
def test_large_frames_shrink_and_small_ones_stay(size, shown):
    frame = np.full((*size, 3), (200, 100, 50), np.uint8)
    picture = decoded(thumbnail(frame))
    assert picture.shape == (*shown, 3)
    assert np.abs(picture.reshape(-1, 3).mean(axis=0) - (200, 100, 50)).max() < 4
    heat = np.zeros((4, 6), np.float32)
    heat[0, 0] = 1
    drawn = decoded(heat_thumbnail(heat, frame))
    assert drawn.shape == (*shown, 3)
    # Inferno runs from black to a light yellow.
    assert drawn[-1, -1].max() < 20
    assert drawn[0, 0].min() > 100


def test_maps_share_one_scale():
    cold, hot = np.zeros((20, 20)), np.zeros((20, 20))
    cold[:2], hot[:2] = 1, 3
    # Half-way between the hottest spots of the two is 2.
    first, second = heats([cold, hot])
    assert first[0, 0] == pytest.approx(0.5)
    assert second[0, 0] == 1
    assert first[-1, -1] == second[-1, -1] == 0


def test_flat_maps_and_nan():
    assert heats([]) == []
    flat = np.full((3, 3), 5.0)
    flat[0, 0] = np.nan
    assert heats([flat])[0].tolist() == np.zeros((3, 3)).tolist()
