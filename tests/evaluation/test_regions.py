"""Regions and tracks of masks and boxes, and which detected pixels find them."""

import numpy as np
import pytest

from vadkit.evaluation.regions import (
    Region,
    Tracks,
    find_regions,
    regions_of_masks,
    regions_of_tracks,
)


def picture(text):
    """Bool (H, W) from rows of # and . between spaces."""
    return np.array([[c == "#" for c in row] for row in text.split()])


def numbers_of(frames):
    return [sorted(region.track for region in frame) for frame in frames]


def test_components_touch_at_corners_and_keep_their_place():
    (frame,) = regions_of_masks(picture("#... .#.. ...#")[None])
    assert [(r.top, r.left, r.pixels.tolist()) for r in frame] == [
        (0, 0, [[True, False], [False, True]]),
        (2, 3, [[True]]),
    ]
    assert frame[0].track != frame[1].track


def test_components_that_overlap_in_time_are_one_track():
    masks = [picture("##.. ...."), picture(".##. ...."), picture("..## #...")]
    assert numbers_of(regions_of_masks(np.stack(masks))) == [[0], [0], [0, 1]]


def test_one_that_leaves_and_comes_back_is_two_tracks():
    masks = [picture("##.."), picture("...."), picture("##..")]
    assert numbers_of(regions_of_masks(np.stack(masks))) == [[0], [], [1]]


def test_touching_corners_do_not_link_frames():
    masks = [picture("#. .."), picture(".. .#")]
    assert numbers_of(regions_of_masks(np.stack(masks))) == [[0], [1]]


def test_objects_that_meet_are_one_track():
    masks = [picture("#..#"), picture("####"), picture("#..#")]
    assert numbers_of(regions_of_masks(np.stack(masks))) == [[0, 0], [0], [0, 0]]


def test_no_frames_and_no_regions():
    assert regions_of_masks(np.zeros((0, 3, 3), bool)) == []
    assert regions_of_masks(np.zeros((2, 3, 3), bool)) == [[], []]


def test_a_box_without_an_area_is_no_region():
    boxes = [(1.0, 1.0, 1.0, 3.0), (1.0, 2.0, 3.0, 2.0), (1.0, 1.0, 3.0, 3.0)]
    tracks = Tracks((4, 4), [(np.array([0]), np.array([box])) for box in boxes])
    assert numbers_of(regions_of_tracks(tracks, 1)) == [[2]]


def test_boxes_are_filled_and_cut():
    objects = [
        (np.array([0, 1]), np.array([[1, 0, 3, 2], [2.6, 1, 9, 9]])),
        (np.array([1, 5]), np.array([[-4, -4, -1, -1], [0, 0, 1, 1]])),
    ]
    first, second = regions_of_tracks(Tracks((3, 4), objects), 2)
    assert [(r.track, r.top, r.left, r.pixels.shape) for r in first] == [(0, 0, 1, (2, 2))]
    assert [(r.track, r.top, r.left, r.pixels.shape) for r in second] == [(0, 1, 3, (2, 1))]


def region(mask):
    (frame,) = regions_of_masks(mask[None])
    return frame


@pytest.mark.parametrize(
    ("detected", "found", "false"),
    [
        ("........ ........", [False], 0),
        # 1 of the region's 4 pixels: 1/4.
        ("#....... ........", [True], 0),
        # 1 shared of 4 + 5 - 1 = 8 pixels: 1/8, and of 4 + 8 - 1 = 11: 1/11.
        ("...##### ........", [True], 0),
        ("...##### .....###", [False], 1),
        # One that finds it, one that does not.
        ("#.....## ........", [True], 1),
    ],
)
def test_intersection_over_union_by_hand(detected, found, false):
    truth = region(picture("####.... ........"))
    got = find_regions(picture(detected), truth, beta=0.1, min_area=1)
    assert (got.regions.tolist(), got.false) == (found, false)


def test_the_bound_itself_counts():
    # 1 of 10 pixels is a tenth.
    truth = region(picture("##########"))
    one = find_regions(picture("#........."), truth, beta=0.1, min_area=1)
    assert one.regions.all() and one.false == 0


def test_one_detection_may_find_two_regions_and_small_ones_are_dropped():
    truth = region(picture("##..## ......"))
    both = find_regions(picture("###### ......"), truth, beta=0.1, min_area=1)
    assert both.regions.all() and both.false == 0
    small = find_regions(picture("##.... .....#"), truth, beta=0.1, min_area=2)
    assert sorted(small.regions.tolist()) == [False, True] and small.false == 0


def test_overlapping_regions_are_measured_separately():
    truth = [Region(0, 0, 0, np.ones((1, 2), bool)), Region(1, 0, 1, np.ones((1, 2), bool))]
    got = find_regions(picture(".#..."), truth, beta=0.5, min_area=1)
    assert got.regions.all() and got.false == 0
