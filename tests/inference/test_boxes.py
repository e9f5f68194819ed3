"""Boxes around the things that cause a high score."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vadkit.inference.boxes import MOST, CellEvidence, find_boxes


def region(score_map, size):
    """The box of the highest peak, without evidence."""
    (found, *_) = find_boxes(score_map, size)
    return found.box


def test_a_region_is_half_way_up_to_the_peak():
    # The median is 2 and the peak 8, so cells of 5 or more belong to it.
    score_map = np.full((3, 9), 2.0)
    score_map[1] = [2, 3.2, 4.9, 5, 8, 5.1, 4, 3.4, 2]
    assert region(score_map, (30, 90)) == (30, 10, 60, 20)


def test_a_region_is_the_box_of_the_peak_alone():
    score_map = np.zeros((6, 8))
    score_map[1:3, 2:4] = [[8, 9], [6, 0.1]]
    score_map[4:, 6:] = 7  # another one, lower
    assert region(score_map, (60, 160)) == (40, 10, 80, 30)
    score_map[0, 0] = np.nan
    assert region(score_map, (60, 160)) == (40, 10, 80, 30)
    assert find_boxes(np.full((2, 2), np.nan), (60, 160)) == []
    assert region(np.zeros((6, 8)), (60, 160)) == (0, 0, 160, 60)


def test_every_region_that_reaches_the_level_has_a_box_highest_first():
    score_map = np.zeros((20, 40))
    for number, column in enumerate(range(2, 38, 6)):
        score_map[8:10, column : column + 2] = 10 + number
    score_map[15, 20] = 4
    assert len(find_boxes(score_map, (20, 40))) == 1
    found = find_boxes(score_map, (20, 40), 5.0)
    assert [one.score for one in found] == [15, 14, 13, 12, 11] and len(found) == MOST
    assert found[0].box == (32, 8, 34, 10)
    # The flank of a peak is no other peak.
    wide = np.maximum(0, 20.0 - 2 * np.hypot(*np.mgrid[-10:10, -20:20]))
    assert len(find_boxes(wide, (20, 40), 5.0)) == 1


def evidence(own, scores, **values):
    return CellEvidence(
        scores, own, {name: np.full(own.shape, one) for name, one in values.items()}
    )


def test_a_box_is_around_the_thing_and_not_around_its_path():
    score_map, own = np.zeros((12, 30)), np.full((12, 30), -np.inf)
    # Means over a window and over time: from where the thing was to short of its front.
    score_map[2:10, 5:18] = 8.0
    own[4:8, 15:20] = 9.0
    (one,) = find_boxes(score_map, (120, 300), 5.0, {"speed": evidence(own, score_map, times=4.0)})
    assert one.box == (150, 40, 200, 80)
    assert [(r.kind, r.values) for r in one.reasons] == [("speed", {"times": 4.0})]
    # Two in one region, and a speck.
    own[4:8, 8:11] = 9.0
    own[2, 13] = 9.0
    found = find_boxes(score_map, (120, 300), 5.0, {"speed": evidence(own, score_map)})
    assert sorted(one.box for one in found) == [(80, 40, 110, 80), (150, 40, 200, 80)]
    # What is fast somewhere else is another region, or none.
    own[:] = -np.inf
    own[0:2, 26:29] = 9.0
    (one,) = find_boxes(score_map, (120, 300), 5.0, {"speed": evidence(own, score_map)})
    assert one.box == (50, 20, 180, 100)


def test_reasons_are_the_kinds_that_are_high_there_highest_first():
    low, high, higher = np.zeros((6, 8)), np.zeros((6, 8)), np.zeros((6, 8))
    low[2, 3], high[2, 3], higher[2, 3] = 1, 6, 8
    own = np.where(higher > 0, 8.0, -np.inf)
    kinds = {"a": evidence(own, low), "b": evidence(own, high), "c": evidence(own, higher)}
    (one,) = find_boxes(higher, (6, 8), 5.0, kinds)
    assert [reason.kind for reason in one.reasons] == ["c", "b"]


VALUES = st.floats(-100, 100) | st.sampled_from([math.nan, math.inf, -math.inf])
SHAPE = st.tuples(st.integers(1, 9), st.integers(1, 9))


@given(SHAPE.flatmap(lambda shape: arrays(float, (3, *shape), elements=VALUES)), st.floats(-9, 99))
def test_boxes_lie_in_the_picture_and_have_an_area_whatever_the_map(values, least):
    known = {"speed": CellEvidence(values[1], values[2], {"times": values[0]})}
    for given_evidence in (None, known):
        found = find_boxes(values[0], (48, 64), least, given_evidence)
        assert len(found) <= MOST and bool(found) == np.isfinite(values[0]).any()
        assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
        for (x1, y1, x2, y2), score, _ in found:
            assert 0 <= x1 < x2 <= 64 and 0 <= y1 < y2 <= 48 and math.isfinite(score)
