"""The time inside the alarms of a stream, with and without alarms that stand."""

from __future__ import annotations

import numpy as np
import pytest

from vadkit.inference.alarm_time import inside_stream_alarms
from vadkit.scoring.alarm_time import TimeRules, inside_alarms


def test_an_alarm_that_stands_counts_for_the_longest_time():
    scores = np.r_[np.ones(600), np.full(6000, 20.0), np.ones(600)]
    rules = TimeRules(longest_s=100.0)
    inside = inside_stream_alarms(scores, 10.0, 10.0, 1.0, rules)
    assert np.flatnonzero(inside).tolist() == list(range(600, 1601))
    without = inside_stream_alarms(scores, 10.0, 10.0, 1.0, TimeRules())
    assert without.sum() == 6000


@pytest.mark.parametrize("seed", range(5))
def test_shorter_alarms_are_those_of_calibration(seed):
    scores = np.convolve(np.random.default_rng(seed).normal(size=3000), np.ones(9), "valid")
    rules = TimeRules(longest_s=300.0)
    ours, theirs = (
        one(scores, 5.0, 6.0, 0.0, rules) for one in (inside_stream_alarms, inside_alarms)
    )
    assert (ours == theirs).all() and ours.any()
