"""Which training video is held out, folded or sampled, and which clips lie clear of it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vadkit.data.clips.ranges import training_clips
from vadkit.data.videos import ClipSpec
from vadkit.recipe import Calibrate
from vadkit.workflows.pieces import Piece, folds, kept_out, outside, seen_pieces

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=12)


@given(LENGTHS, st.integers(2, 6))
def test_folds_score_every_frame_once(lengths, count):
    listed = folds(lengths, count)
    scored = [np.zeros(length, int) for length in lengths]
    for pieces in listed:
        for video, start, stop in pieces:
            scored[video][start:stop] += 1
    assert all((frames == 1).all() for frames in scored)
    assert len(listed) == (count if len(lengths) == 1 else min(count, len(lengths)))
    if len(lengths) > 1:
        assert all(piece[1:] == (0, lengths[piece.video]) for one in listed for piece in one)


def test_neighbouring_videos_are_in_different_folds():
    assert [[piece.video for piece in one] for one in folds([5] * 5, 2)] == [[0, 2, 4], [1, 3]]


def test_clips_that_touch_a_piece_are_left_out_and_those_near_it():
    rows = training_clips([10, 200], ClipSpec(4, (8, 8), "gray", (3,)))
    kept = rows[outside(rows, [Piece(0, 0, 10), Piece(1, 100, 200)], 4)]
    assert set(kept[:, 0]) == {1}
    # A twentieth of the piece, 5 frames, lies between: the last clip is of frames 91 to 94.
    assert kept[:, 1].max() == 91
    kept = rows[outside(rows, [Piece(1, 0, 100)], 4)]
    assert kept[kept[:, 0] == 1, 1].min() == 105
    assert outside(rows, [], 4).all()


@pytest.mark.parametrize(
    ("lengths", "share", "held"),
    [
        ([7] * 10, 0.2, [Piece(2, 0, 7), Piece(7, 0, 7)]),
        ([7, 9], 0.1, [Piece(1, 0, 9)]),
        ([7, 9], 0.9, [Piece(1, 0, 9)]),
        ([100], 0.2, [Piece(0, 80, 100)]),
        ([100] * 3, None, []),
    ],
)
def test_held_out_are_whole_videos_or_the_end_of_a_single_one(lengths, share, held):
    recipe = SimpleNamespace(calibration=Calibrate(holdout=share), bags=None)
    stored = [np.empty(length) for length in lengths]
    assert kept_out(recipe, stored) == held
    assert kept_out(SimpleNamespace(calibration=None, bags=None), stored) == []


@given(LENGTHS, st.integers(5, 400))
def test_no_more_seen_video_is_scored_than_requested(lengths, most):
    pieces = seen_pieces(lengths, most)
    assert pieces and sum(stop - start for _, start, stop in pieces) <= most
    assert len({piece.video for piece in pieces}) == len(pieces)
    assert all(start == 0 < stop <= lengths[video] for video, start, stop in pieces)
