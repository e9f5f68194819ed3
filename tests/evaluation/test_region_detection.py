"""RBDC and TBDC on cases worked out by hand, and by what must hold for any maps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vadkit.data.datasets.ucsd import Ucsd
from vadkit.errors import DataError
from vadkit.evaluation.pixels import PixelAuc
from vadkit.evaluation.region_detection import (
    RegionDetection,
    detection_area,
    detection_areas,
)
from vadkit.evaluation.regions import Tracks


def values_of(maps, masks, tracks=None, **params):
    metrics = RegionDetection(**{"thresholds": None, **params})(maps, masks, tracks=tracks)
    return {metric.name: metric.value for metric in metrics}


def areas_of(maps, masks, drawn=None):
    """The areas alone, without their intervals, of videos that count as often as ``drawn`` says."""
    sweeps = RegionDetection(thresholds=None).sweep(maps, masks)
    counts = np.ones(len(sweeps)) if drawn is None else np.array(drawn, float)
    return {name: area(counts) for name, area in detection_areas(sweeps).items()}


def scene():
    """Four frames of 2x8: one track of a 4-pixel region in frames 1 and 2."""
    masks = np.zeros((4, 2, 8), bool)
    masks[1:3, 0, :4] = True
    return masks


@pytest.mark.parametrize("thresholds", [None, 2, 100])
def test_a_perfect_map(thresholds):
    masks = scene()
    got = values_of({"a": masks.astype(float)}, {"a": masks}, thresholds=thresholds)
    assert (got["rbdc"], got["tbdc"]) == (1, 1)
    assert (got["regions"], got["tracks"], got["frames"]) == (2, 1, 4)


def test_a_constant_map():
    # One threshold raises all of each frame: 4 of 16 pixels find the region, and the two normal
    # frames are 2 false regions in 4 frames. The curve is (0, 0), (1/2, 1), (1, 1).
    masks = scene()
    got = values_of({"a": np.full(masks.shape, 3.0)}, {"a": masks})
    assert got["rbdc"] == got["tbdc"] == 0.25 + 0.5
    assert got["thresholds"] == 1


def test_two_thresholds_by_hand():
    masks = scene()
    maps = np.zeros(masks.shape)
    maps[1, 0, 0] = 5  # finds the region of frame 1 at threshold 5: 1/4
    maps[0, 1, 7] = 5  # false
    maps[2, 0, :2] = 3  # finds that of frame 2 at threshold 3: 2/4
    maps[3, 0, 0] = maps[3, 0, 4] = maps[3, 1, 2] = 3  # three false ones
    got = values_of({"a": maps}, {"a": masks})
    # Regions: (0, 0), (1/4, 1/2), (4/4, 1). At threshold 0 frames are one region each, of which
    # those of frames 1 and 2 match (4/16), and the others are false: (2/4, 1), which is better.
    assert got["rbdc"] == pytest.approx(0.25 * 0.5 / 2 + 0.25 * (0.5 + 1) / 2 + 0.5)
    # A tenth of the track's two regions is any one of them.
    assert got["tbdc"] == pytest.approx(0.25 / 2 + 0.75)
    both = values_of({"a": maps}, {"a": masks}, alpha=0.6)
    # Both of them only at threshold 0: (1/4, 0), (1/2, 1).
    assert both["tbdc"] == pytest.approx(0.25 / 2 + 0.5)


def test_videos_are_pooled():
    masks = scene()
    maps = masks.astype(float)
    got = values_of({"a": maps, "b": maps * 0}, {"a": masks, "b": masks})
    assert (got["regions"], got["tracks"], got["frames"]) == (4, 2, 8)
    # Half is found without a false region; at threshold 0 each frame is one: 4 of 8 are false, and
    # regions of 4 in 16 pixels match.
    assert got["rbdc"] == got["tbdc"] == pytest.approx(0.5 * (0.5 + 1) / 2 + 0.5)


@pytest.mark.parametrize(
    ("false", "found", "area"),
    [
        ([0.0], [1.0], 1.0),
        ([2.0], [1.0], 0.0),
        # Level from the last point within 1.
        ([0.5, 2.0], [1.0, 1.0], 0.75),
        # A point beyond 1 does not count, however near.
        ([0.5, 1.5], [0.4, 1.0], 0.1 + 0.2),
        # Turns back: fewer false regions and more found at the lower threshold.
        ([0.5, 0.25], [0.2, 0.8], 0.1 + 0.6),
        # Fewer found at more false regions: the better threshold stays.
        ([0.0, 1.0], [0.6, 0.2], 0.6),
    ],
)
def test_the_area_by_hand(false, found, area):
    assert detection_area(np.array(false), np.array(found)) == pytest.approx(area)


def test_tracks_in_place_of_masks():
    objects = [(np.array([1, 2]), np.array([[0, 0, 4, 1], [0, 0, 4, 1]]))]
    maps = {"a": scene().astype(float)}
    got = values_of(maps, {}, {"a": Tracks((2, 8), objects)})
    assert got == values_of(maps, {"a": scene()})


def random_pair(seed):
    random = np.random.default_rng(seed)
    masks = random.random((5, 4, 6)) < 0.25
    masks[0] = False
    masks[1, 0, 0] = True
    return random.integers(0, 6, masks.shape).astype(np.float32), masks


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6))
def test_only_the_order_of_values_counts(seed):
    maps, masks = random_pair(seed)
    before = values_of({"a": maps}, {"a": masks})
    assert values_of({"a": np.exp(3 * maps) - 5}, {"a": masks}) == before
    assert 0 <= before["rbdc"] <= 1 and 0 <= before["tbdc"] <= 1
    # As many levels as there are pixels leave no value out.
    every = values_of({"a": maps}, {"a": masks}, thresholds=1000)
    assert every == before


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6))
def test_the_order_of_videos_does_not_count(seed):
    maps, masks = random_pair(seed)
    other, others = random_pair(seed + 1)
    one = areas_of({"a": maps, "b": other}, {"a": masks, "b": others})
    assert areas_of({"b": other, "a": maps}, {"b": others, "a": masks}) == pytest.approx(one)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_a_video_drawn_twice_counts_twice(seed):
    maps, masks = random_pair(seed)
    other, others = random_pair(seed + 1)
    twice = areas_of(
        {"a": maps, "b": other, "copy": maps}, {"a": masks, "b": others, "copy": masks}
    )
    both = ({"a": maps, "b": other}, {"a": masks, "b": others})
    assert areas_of(*both, drawn=[2, 1]) == pytest.approx(twice)
    assert areas_of(*both, drawn=[0, 1]) == pytest.approx(areas_of({"b": other}, {"b": others}))


def test_intervals_hold_the_figure():
    maps, masks = ({}, {})
    for seed in range(6):
        maps[str(seed)], masks[str(seed)] = random_pair(seed)
    for metric in RegionDetection()(maps, masks)[:2]:
        assert metric.low < metric.value < metric.high


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.sampled_from(["alpha", "beta"]))
def test_a_stricter_bound_finds_no_more(seed, bound):
    maps, masks = random_pair(seed)
    easy, hard = (
        RegionDetection(thresholds=None, **{bound: value}).sweep({"a": maps}, {"a": masks})["a"]
        for value in (0.1, 0.6)
    )
    assert (hard.regions <= easy.regions).all() and (hard.tracks <= easy.tracks).all()
    assert (hard.false >= easy.false).all()


def test_frames_without_a_map_are_dropped():
    masks = scene()
    maps = masks.astype(float)
    maps[2:] = np.nan
    got = values_of({"a": maps}, {"a": masks})
    assert (got["regions"], got["tracks"], got["frames"]) == (1, 1, 2)
    assert got["rbdc"] == 1


def test_every_metric_describes_its_settings():
    masks = scene()
    metric = RegionDetection(sigma=2, min_area=3)({"a": masks * 1.0}, {"a": masks})[0]
    assert str(metric.protocol) == (
        "raw: smoothed over space, sigma 2 pixels, alpha 0.1, beta 0.1, least area 3"
    )


@pytest.mark.parametrize(
    ("maps", "masks", "message"),
    [
        ({"a": np.zeros((2, 3, 3))}, {}, "no labels for video 'a'"),
        ({"a": np.zeros((2, 3, 3))}, {"a": np.zeros((2, 3, 3), bool)}, "no abnormal region"),
        ({"a": np.full((2, 3, 3), np.nan)}, {"a": np.ones((2, 3, 3), bool)}, "has a score map"),
        ({"a": np.zeros((3, 3, 3))}, {"a": np.ones((2, 3, 3), bool)}, "3 score maps but masks"),
    ],
)
def test_regions_that_cannot_be_evaluated(maps, masks, message):
    for thresholds in (None, 100):
        with pytest.raises(DataError, match=message):
            values_of(maps, masks, thresholds=thresholds)


@pytest.mark.real_data
def test_masks_of_ped2_at_half_size_find_themselves(real_data):
    dataset = Ucsd(root=real_data / "ped2")
    masks = {
        video.id: video.masks() for video in dataset.videos("test") if video.id in ("02", "07")
    }
    # Means of 2x2 pixels, as a method would see the frames; stretched, they must lie on the masks.
    maps = {
        video: own.reshape(len(own), 120, 2, 180, 2).mean(axis=(2, 4), dtype=np.float32)
        for video, own in masks.items()
    }
    got = {metric.name: metric.value for metric in RegionDetection()(maps, masks)}
    assert got["rbdc"] > 0.99 and got["tbdc"] > 0.99
    assert got["frames"] == 360
    pixels = {metric.name: metric.value for metric in PixelAuc()(maps, masks)}
    assert pixels["pixelwise-auc"] > 0.999
    assert pixels["pixel-criterion-auc"] == 1
    # A map that lies 12 pixels to the left is not mistaken for one that fits.
    shifted = {video: np.roll(own, -6, axis=2) for video, own in maps.items()}
    assert {m.name: m.value for m in PixelAuc()(shifted, masks)}["pixelwise-auc"] < 0.98
