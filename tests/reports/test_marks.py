"""Boxes, ignored places and captions on pictures."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vadkit.reports.marks import FIRST_RGB, OTHER_RGB, draw_boxes, draw_places, with_caption

PICTURE = np.full((48, 64, 3), 100, np.uint8)


def test_the_first_box_stands_out_and_nothing_else_of_the_picture_changes():
    drawn = draw_boxes(PICTURE, [(0.25, 0.25, 0.5, 0.5), (0.75, 0.5, 0.9, 0.9)])
    assert tuple(drawn[12, 20]) == FIRST_RGB and tuple(drawn[30, 48]) == OTHER_RGB
    assert (drawn[16:20, 20:28] == 100).all() and (drawn[:8] == 100).all()
    assert (PICTURE == 100).all() and draw_boxes(PICTURE, []) is PICTURE


def test_an_ignored_place_is_darker():
    drawn = draw_places(PICTURE, [((0.5, 0), (1, 0), (1, 1), (0.5, 1))])
    assert (drawn[10:40, 40:60] == 65).all() and (drawn[:, :30] == 100).all()
    assert draw_places(PICTURE, []) is PICTURE


@given(st.lists(st.text(max_size=200), max_size=4), st.integers(8, 700))
def test_a_caption_of_any_text_is_below_the_picture(lines, width):
    picture = np.full((20, width, 3), 100, np.uint8)
    drawn = with_caption(picture, lines)
    assert drawn.shape[1:] == (width, 3) and np.array_equal(drawn[:20], picture)


def test_long_reasons_take_several_lines():
    one = with_caption(np.zeros((90, 320, 3), np.uint8), ["against the usual way"])
    two = with_caption(np.zeros((90, 320, 3), np.uint8), ["in an unusual direction of motion " * 3])
    assert 90 < len(one) < len(two)
