"""False alarms an hour, events and delays: by hand, and against counting one by one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support

from vadkit.evaluation.alarms import (
    AlarmMetrics,
    FalseAlarms,
    LabelledEvent,
    false_alarm_counts,
    find_events,
)
from vadkit.evaluation.metrics import Setting

NAN = math.nan
#                          rise       rise  event found at its 2nd frame, the alarm outlasts it
SCORES = {"v": np.array([0.9, 0.9, 0.1, 0.5, 0.2, 0.8, 0.7, 0.6, NAN, 0.1])}
LABELS = {"v": np.array([0, 0, 0, 0, 1, 1, 1, 0, 0, 1], bool)}


def figures(evaluator, **known):
    metrics = evaluator(SCORES, LABELS, Setting("raw", **known))
    return {metric.name: metric.value for metric in metrics}


def test_false_alarms_by_hand():
    thresholds, alarms = false_alarm_counts(SCORES, LABELS)
    np.testing.assert_array_equal(thresholds, [0.9, 0.8, 0.7, 0.6, 0.5, 0.2, 0.1])
    # Two frames at 0.9 are one alarm; at 0.5 the fourth frame rises; at 0.1 all is one alarm.
    np.testing.assert_array_equal(alarms, [1, 1, 1, 1, 2, 2, 1])


def test_frames_found_at_a_rate():
    # 5 scored normal frames at 1/720 a second are an hour.
    rates = {"v": 5 / 3600}
    got = figures(FalseAlarms(per_hour=[0, 1, 2]), rates=rates)
    assert got["normal-hours"] == pytest.approx(1)
    assert got["tpr@0/h"] == 0
    assert got["tpr@1/h"] == pytest.approx(2 / 4)  # 0.8 and 0.7 of 0.2, 0.8, 0.7, 0.1
    assert got["tpr@2/h"] == 1
    assert figures(FalseAlarms(), rates={}) == {}


def test_events_and_their_delay():
    assert find_events(SCORES, LABELS, 0.65) == [
        LabelledEvent("v", 4, 7, 1),
        LabelledEvent("v", 9, 10, None),
    ]
    got = figures(AlarmMetrics(), threshold=0.65, rates={"v": 10.0})
    assert (got["events"], got["events-found"]) == (2, 0.5)
    assert got["delay-s"] == pytest.approx(0.1)
    # Alarmed: 0.9, 0.9 (normal), 0.8, 0.7 (abnormal).
    assert (got["precision"], got["recall"], got["f1"]) == (0.5, 0.5, 0.5)
    assert got["false-alarms/h"] == pytest.approx(1 / (5 / 10 / 3600))
    without = figures(AlarmMetrics(), threshold=0.65)
    assert without["delay-frames"] == 1
    assert "delay-s" not in without
    assert "false-alarms/h" not in without


def test_rises_within_the_merge_time_are_one():
    scores = {"v": np.array([0.9, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1, 0.9, 0.1])}
    labels = {"v": np.arange(9) == 8}
    setting = Setting("raw", 0.5, {"v": 8 / 3600}, gaps={"v": 3}, per_hour=2)
    got = {metric.name: metric.value for metric in AlarmMetrics()(scores, labels, setting)}
    assert (got["false-alarms/h"], got["calibrated-for/h"]) == (2, 2)
    got = AlarmMetrics()(scores, labels, Setting("raw", 0.5, rates={"v": 8 / 3600}))
    assert {metric.name: metric.value for metric in got}["false-alarms/h"] == 3


def test_the_time_inside_alarms_is_that_of_normal_frames():
    scores = {"v": np.array([0.9, 0.4, 0.1, np.nan, 0.9, 0.4, 0.1, 0.1, 0.1])}
    labels = {"v": np.arange(9) >= 7}
    inside = {"v": np.array([1, 1, 0, 1, 1, 0, 0, 1, 1], bool)}
    setting = Setting("raw", 0.5, {"v": 1.0}, inside=inside, alarm_time=0.02)
    got = {metric.name: metric.value for metric in AlarmMetrics()(scores, labels, setting)}
    # Of 6 normal frames with a score, three are inside.
    assert got["alarm-time"] == pytest.approx(3 / 6) and got["calibrated-for-time"] == 0.02
    no_rate = replace(setting, rates={})
    got = {metric.name for metric in AlarmMetrics()(scores, labels, no_rate)}
    assert "alarm-time" not in got


def test_without_a_threshold_there_are_no_figures():
    assert figures(AlarmMetrics()) == {}


def test_nothing_found_has_no_delay():
    got = figures(AlarmMetrics(), threshold=2.0)
    assert (got["events-found"], got["f1"]) == (0, 0)
    assert math.isnan(got["delay-frames"])


def test_an_event_without_a_scored_frame_does_not_count():
    scores = {"v": np.array([NAN, 1.0, 0.0])}
    labels = {"v": np.array([1, 0, 1], bool)}
    assert find_events(scores, labels, 0.5) == [LabelledEvent("v", 2, 3, None)]


frames = st.lists(
    st.tuples(st.one_of(st.just(NAN), st.integers(0, 4).map(float)), st.booleans()),
    min_size=1,
    max_size=15,
)


def both_classes(videos):
    return len({label for v in videos for s, label in v if not math.isnan(s)}) == 2


def split(videos):
    scores = {str(i): np.array([s for s, _ in v]) for i, v in enumerate(videos)}
    return scores, {str(i): np.array([label for _, label in v]) for i, v in enumerate(videos)}


sets = st.lists(frames, min_size=1, max_size=3).filter(both_classes)


@given(sets, st.integers(0, 4))
@settings(max_examples=80, deadline=None)
def test_the_threshold_agrees_with_scikit_learn(videos, threshold):
    scores, labels = split(videos)
    metrics = AlarmMetrics()(scores, labels, Setting(threshold=float(threshold)))
    got = {metric.name: metric.value for metric in metrics}
    values, truth = np.concatenate(list(scores.values())), np.concatenate(list(labels.values()))
    scored = ~np.isnan(values)
    expected = precision_recall_fscore_support(
        truth[scored], values[scored] >= threshold, average="binary", zero_division=0
    )
    np.testing.assert_allclose([got["precision"], got["recall"], got["f1"]], expected[:3])


@given(sets, st.integers(0, 4), st.randoms())
@settings(max_examples=80, deadline=None)
def test_scale_and_order_of_videos_do_not_matter(videos, threshold, random):
    scores, labels = split(videos)
    rates = dict.fromkeys(scores, 25.0)
    bent = {video: np.exp(values) for video, values in scores.items()}
    names = sorted(scores, key=lambda _: random.random())
    shuffled = {name: scores[name] for name in names}
    for evaluator in (AlarmMetrics(), FalseAlarms(per_hour=[0, 100, 10_000])):
        before, after, other = (
            {
                metric.name: metric.value
                for metric in evaluator(own, labels, Setting("raw", level, rates))
                if metric.name != "threshold"
            }
            for own, level in (
                (scores, threshold),
                (bent, np.exp(threshold)),
                (shuffled, threshold),
            )
        )
        for found in (after, other):
            assert found == pytest.approx(before, nan_ok=True)


@given(sets)
@settings(max_examples=60, deadline=None)
def test_more_false_alarms_find_no_less(videos):
    scores, labels = split(videos)
    rates = dict.fromkeys(scores, 25.0)
    metrics = FalseAlarms(per_hour=[0, 1000, 5000, 1e9])(scores, labels, Setting(rates=rates))
    found = [metric.value for metric in metrics if metric.name.startswith("tpr@")]
    assert found == sorted(found)


@given(st.lists(frames, min_size=1, max_size=3))
@settings(max_examples=100, deadline=None)
def test_counts_agree_with_walking_through_the_frames(videos):
    scores, labels = split(videos)
    for threshold, count in zip(*false_alarm_counts(scores, labels), strict=True):
        walked = 0
        for video, values in scores.items():
            alarmed = False
            for value, label in zip(values, labels[video], strict=True):
                walked += bool(value >= threshold and not alarmed and not label)
                alarmed = bool(value >= threshold)
        assert count == walked
