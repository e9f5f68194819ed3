"""The drawn scene: deterministic, one background, labels that mean what is seen."""

import numpy as np
import pytest

from vadkit.data.synthetic.backdrop import backdrop
from vadkit.data.synthetic.scene import ANOMALIES, draw_video


def draw(anomaly=None, seed=1, frames=40, size=(60, 80)):
    return draw_video(seed=seed, frames=frames, size=size, anomaly=anomaly)


@pytest.mark.parametrize("anomaly", [None, *ANOMALIES])
def test_same_seed_same_video(anomaly):
    first, second = draw(anomaly), draw(anomaly)
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


def test_shapes_and_types():
    frames, masks = draw("cyclist", frames=12, size=(64, 48))
    assert frames.shape == (12, 64, 48, 3)
    assert frames.dtype == np.uint8
    assert masks.shape == (12, 64, 48)
    assert masks.dtype == bool


def test_normal_video_has_no_mask():
    assert not draw(None)[1].any()


def test_other_seed_other_people_before_the_same_background():
    one, other = draw(seed=1, frames=60)[0], draw(seed=2, frames=60)[0]
    assert np.abs(one[0].astype(int) - other[0]).max() > 40
    # Where nobody passes, the median over time is the background.
    difference = np.abs(np.median(one, axis=0) - np.median(other, axis=0)).mean(axis=-1)
    assert np.median(difference) < 3


@pytest.mark.parametrize("anomaly", ANOMALIES)
@pytest.mark.parametrize("seed", [0, 7])
def test_anomaly_comes_after_a_third_in_one_piece(anomaly, seed):
    flags = draw(anomaly, seed=seed, frames=130)[1].any(axis=(1, 2))
    where = np.flatnonzero(flags)
    assert 39 <= where[0] <= 43
    assert flags[where[0] : where[-1] + 1].all()
    assert flags[-1] == (anomaly == "bag")


@pytest.mark.parametrize("anomaly", ANOMALIES)
def test_mask_covers_the_drawn_anomaly(anomaly):
    frames, masks = draw(anomaly, frames=60, size=(120, 160))
    inside = frames[masks].astype(int) - backdrop(120, 160)[np.nonzero(masks)[1:]]
    assert (np.abs(inside).max(axis=1) > 12).mean() > 0.7


def test_backdrop_cannot_be_drawn_over():
    with pytest.raises(ValueError):
        backdrop(60, 80)[0, 0] = 0
