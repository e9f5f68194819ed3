"""Annotated frames: sizes, heat where it belongs, and what the strip shows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vadkit.reports.annotate import annotate, heat_from_map, picture_size
from vadkit.reports.strip import BACKGROUND, HIGHEST, LABELLED, LOWEST, TOP, strip_height
from vadkit.scoring.normal import NormalScores

NAN = math.nan
GREY = np.full((240, 360, 3), 120, np.uint8)


def normal(q99=1.0, q999=2.0):
    return NormalScores(0.1, 0.2, 0.3, 0.5, q99, q999, 100)


def draw(scores, level=0.5, heat=None, labels=None, frame=GREY, index=None, raised_by=None):
    index = len(scores) - 1 if index is None else index
    seen = np.array(scores, float)
    return annotate(frame, heat, seen, level, (0.0, 1.0), 10.0, index, labels, raised_by=raised_by)


def warm(picture):
    """Pixels that are clearly more red than blue."""
    return picture[..., 0].astype(int) - picture[..., 2] > 60


def test_heat_is_scaled_by_normal_maps():
    heat = heat_from_map(np.array([[0.0, 1.0], [3.0, 5.0], [99.0, NAN]]), normal())
    np.testing.assert_allclose(heat, [[0, 0], [0.5, 1], [1, 0]])


def test_heat_needs_a_reference_which_may_be_flat():
    assert heat_from_map(np.ones((2, 2)), None) is None
    assert heat_from_map(np.ones((2, 2)), normal(NAN, NAN)) is None
    flat = heat_from_map(np.array([[1.0, 1.1]]), normal(1.0, 1.0))
    np.testing.assert_array_equal(flat, [[0, 1]])


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (240, 360, (480, 720)),
        (576, 768, (576, 768)),
        (1080, 1920, (540, 960)),
        (1920, 1080, (854, 480)),
        (241, 481, (240, 480)),
        (33, 47, (232, 328)),
        (64, 128, (192, 384)),
        (120, 160, (240, 320)),
        (180, 240, (360, 480)),
    ],
)
def test_picture_size(height, width, expected):
    assert picture_size(height, width) == expected


def test_size_is_the_same_with_and_without_everything():
    bare = draw([NAN], level=None)
    full = draw([0.1] * 300, heat=np.ones((4, 4)), labels=np.ones(300, bool))
    assert bare.shape == full.shape == (480 + HIGHEST, 720, 3)
    assert bare.dtype == full.dtype == np.uint8


def test_heat_colours_the_picture_only_where_it_is():
    heat = np.zeros((12, 18), np.float32)
    heat[2:5, 12:16] = 1
    plain, hot = draw([0.1]), draw([0.1], heat=heat)
    changed = (plain != hot).any(axis=-1)
    spot = (slice(100, 180), slice(500, 620))
    red, green, blue = np.moveaxis(hot[spot].astype(int) - plain[spot], -1, 0)
    assert (red > 20).all()
    assert (red - blue > 40).all()
    assert (green - blue > 40).all()
    assert not changed[300:].any()
    assert not changed[:, :400].any()
    assert not (plain != draw([0.1], heat=np.full((12, 18), 0.08))).any()


@settings(max_examples=60, deadline=None)
@given(
    arrays(
        np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 60)), elements=st.integers(0, 60)
    ),
    st.sampled_from([(20, 30), (48, 64), (240, 360), (600, 500)]),
)
def test_heat_of_any_size_near_its_lower_limit_can_be_drawn(heat, size):
    frame = np.full((*size, 3), 120, np.uint8)
    drawn = annotate(frame, heat, np.zeros(3), 0.5, (0.0, 1.0), 10.0, 2)
    assert drawn.shape == annotate(frame, None, np.zeros(3), 0.5, (0.0, 1.0), 10.0, 2).shape


def test_the_curve_is_warm_above_the_level_and_cool_below():
    below = draw([0.2] * 50)[480 + TOP :]
    above = draw([0.9] * 50)[480 + TOP :]
    assert not warm(below).any()
    assert warm(above).sum() > 5000
    cool = below[..., 2].astype(int) - below[..., 0] > 60
    assert cool.sum() > 300
    assert not warm(draw([0.9] * 50, level=None)[480 + TOP :]).any()


def test_a_gap_stays_empty():
    # 10 s at 10 fps span the width of 696 pixels from x = 12: frame 40 is at x = 290.
    strip = draw([0.9] * 20 + [NAN] * 40 + [0.9] * 40, level=None)[480 + TOP :]
    column = strip[:, 290].astype(int)
    assert np.abs(column - BACKGROUND).max() <= 2
    assert np.abs(strip[:, 100].astype(int) - BACKGROUND).max() > 50


def test_later_scores_are_not_shown_and_the_last_ones_suffice():
    rng = np.random.default_rng(0)
    scores = rng.random(400)
    so_far = draw(scores[:300])
    np.testing.assert_array_equal(draw(scores, index=299), so_far)
    np.testing.assert_array_equal(draw(scores[199:300], index=299), so_far)


def test_labels_are_shaded_on_their_frames():
    labels = np.zeros(101, bool)
    labels[50:] = True
    strip = draw([NAN] * 101, level=None, labels=labels)[480:]
    near = np.abs(strip[TOP + 5].astype(int) - LABELLED).max(axis=-1) <= 3
    assert near[370:700].all()
    assert not near[:350].any()


def test_scores_beyond_the_limits_stay_inside_the_strip():
    picture = draw([50.0, -50.0, 50.0])
    np.testing.assert_array_equal(picture[:480], draw([0.5] * 3)[:480])


def test_the_part_that_raised_a_score_is_named_while_it_is_above():
    above, below = [0.9] * 50, [0.2] * 50
    changed = (draw(above, raised_by="scene") != draw(above)).any(axis=-1)
    rows, columns = np.nonzero(changed)
    assert changed.any()
    # In the line of text, right of the words "above normal".
    assert rows.max() < 480 + TOP
    assert columns.min() > 200
    np.testing.assert_array_equal(draw(below, raised_by="scene"), draw(below))


def test_the_strip_is_a_fifth_of_the_whole_or_just_readable():
    for high in range(100, 720, 2):
        strip = strip_height(high)
        assert strip % 2 == 0 and LOWEST <= strip <= HIGHEST
        assert strip <= max((high + strip) / 5, LOWEST)
