"""The time inside alarms is that of the alarms of a stream."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vadkit.inference.alarms import AlarmRules, AlarmTracker
from vadkit.scoring.alarm_time import TimeRules, inside_alarms, threshold_for_time, time_share

SCORES = st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0, math.nan]), min_size=1, max_size=60)


@settings(max_examples=200, deadline=None)
@given(SCORES, *[st.sampled_from([0.0, 1.0, 2.0, 5.0]) for _ in range(3)])
def test_it_is_the_time_of_the_alarms_of_a_stream(values, shortest, merge, cooldown):
    rules = TimeRules(0.5, shortest, merge, cooldown)
    assert rules.release(3, 1) == 2
    tracker = AlarmTracker(AlarmRules(3, 2, shortest, merge, cooldown))
    events = []
    for number, value in enumerate(values):
        events += tracker.push(number / 2, value)
    expected = np.zeros(len(values), bool)
    for event in events + tracker.finish():
        if event.over:
            expected[round(2 * event.start) : round(2 * event.end) + 1] = True
    found = inside_alarms(np.array(values), 2.0, 3.0, 1.0, rules)
    assert found.tolist() == expected.tolist()


def test_an_alarm_is_on_until_the_release_level_and_between_merged_rises():
    scores = np.array([1, 9, 6, 1, 1, 9, 1, 1, 1, 1, 1, 9, 1.0])
    rules = TimeRules(hysteresis=0.5, merge_s=2.0)
    inside = inside_alarms(scores, 1.0, 8, 1, TimeRules(hysteresis=0.5, merge_s=0))
    assert np.flatnonzero(inside).tolist() == [1, 2, 5, 11]
    assert np.flatnonzero(inside_alarms(scores, 0.9, 8, 1, rules)).tolist() == [1, 2, 5, 11]
    assert np.flatnonzero(inside_alarms(scores, 2.0, 8, 1, rules)).tolist() == [1, 2, 3, 4, 5, 11]
    # An unknown or higher usual score means no hysteresis.
    assert TimeRules().release(3, math.nan) == TimeRules().release(3, 4) == 3


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 99), st.sampled_from([0.01, 0.02, 0.1, 0.5]), st.sampled_from([0.0, 0.1, 1]))
def test_the_threshold_is_the_lowest_that_meets_the_share(seed, share, hysteresis):
    scores = np.convolve(np.random.default_rng(seed).normal(size=2000), np.ones(10), "valid")
    series, rules = [(scores[:700], 5.0), (scores[700:], 10.0)], TimeRules(hysteresis)
    highest, lowest = float(scores.max()), -100.0
    found = threshold_for_time(series, share, 0.0, rules, lowest=lowest, highest=highest)
    assert time_share(series, found, 0.0, rules) <= share
    lower = found - 1e-6 * abs(found)
    assert time_share(series, lower, 0.0, rules) > share
    same = threshold_for_time(series, share, 0.0, rules, lowest=found + 1, highest=highest)
    assert same == found + 1


def test_rare_events_are_left_out_and_cannot_push_the_threshold_beyond_the_others():
    scores = np.r_[np.zeros(900), np.full(100, 50.0)]
    series, rules = [(scores, 10.0)], TimeRules()
    assert threshold_for_time(series, 0.02, 0.0, rules, lowest=1.0, highest=0.5) == 1.0
    all_counted = threshold_for_time(series, 0.02, 0.0, rules, lowest=1.0, highest=50.0)
    assert all_counted == pytest.approx(50) and all_counted > 50
    assert time_share([(np.array([math.nan]), 1.0)], 0, 0, rules) == 0
