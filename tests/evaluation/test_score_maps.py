"""Thresholds for score maps, over frames of any number."""

from __future__ import annotations

import numpy as np

from vadkit.evaluation.score_maps import MapFrame, distinct_levels, spaced_levels

# More frames than are worked on at a time.
FRAMES = 300


def rows(values):
    return (MapFrame(number, frame) for number, frame in enumerate(values))


def test_levels_are_spaced_over_the_values_of_all_frames():
    # Each frame has its own value, so that the first ones alone would give other levels.
    values = np.arange(FRAMES, dtype=np.float32)[::-1, None, None] * np.ones((1, 2, 2), np.float32)
    levels = spaced_levels(rows(values), 20)
    assert levels[0] == FRAMES - 1 and levels[-1] == 0
    assert len(levels) <= 20 and (np.diff(levels) < 0).all()
    shares = np.array([(values >= level).mean() for level in levels])
    steps = np.diff(np.log(shares))
    assert steps[-3:].max() < 3 * steps[-3:].min()


def test_few_values_are_their_own_levels():
    values = np.array([[[0.5, 2.0], [2.0, -1.0]], [[3.0, 0.5], [0.5, 0.5]]], np.float32)
    assert distinct_levels(rows(values)).tolist() == [3, 2, 0.5, -1]
    assert distinct_levels(rows(values[:0])).dtype == np.float32
    assert spaced_levels(rows(values[:0]), 5).tolist() == []
