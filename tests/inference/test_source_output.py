"""From scores to alarms, as a recipe and a calibration say: the detector's rules at work."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from vadkit.data.videos import ClipSpec
from vadkit.inference.alarms import AlarmRules
from vadkit.inference.frame_score import FrameScore
from vadkit.inference.sinks.every import EverySink
from vadkit.inference.sinks.sink import SourceInfo
from vadkit.inference.source_output import SourceOutput
from vadkit.methods.method import Method
from vadkit.recipe import AlarmSettings
from vadkit.scoring.fitting import calibrate
from vadkit.scoring.normal import measure_normal
from vadkit.workflows.detector import Detector

CALIBRATION = replace(
    calibrate({"a": np.arange(100.0)}, {"a": 25.0}, [], source="a test"), threshold=10.0, usual=2.0
)
FRAME = np.zeros((8, 8, 3), np.uint8)


class Kept:
    """A sink that keeps what it is told."""

    live = True

    def __init__(self):
        self.alarms, self.events = [], []

    def open(self, info):
        pass

    def frame(self, seen):
        self.alarms.append(seen.alarm)

    def event(self, event):
        self.events.append(event)

    def close(self, result):
        return None

    def abort(self):
        pass


def detector(calibration=CALIBRATION, normal=None, **alarms):
    method = Method({}, {}, ClipSpec(1, (8, 8), "rgb", (0,)))
    return Detector(
        method,
        torch.device("cpu"),
        torch.float32,
        calibration=calibration,
        normal=normal,
        alarms=AlarmSettings(**alarms),
    )


def follow(detecting, scores, step_s=1.0):
    """Events that are over, by start, end and peak, of scores ``step_s`` apart; and the sink."""
    kept = Kept()
    sinks = EverySink([("kept", kept)])
    output = SourceOutput(SourceInfo("gate", 1 / step_s, (8, 8)), sinks, detecting.rules)
    got = []
    for index, score in enumerate(scores):
        item = FrameScore(index, index * step_s, FRAME, score, score, 10.0, score >= 10, None, {})
        got += output.frame(item)
    got += output.finish()
    output.close()
    assert kept.events == got
    return [(e.start, e.end, e.peak_score) for e in got if e.over], kept


def test_the_rules_are_those_of_calibration_and_recipe():
    made = detector(hysteresis=0.25, min_duration_s=1, merge_s=3, cooldown_s=7)
    assert made.rules == AlarmRules(
        threshold=10.0,
        release=8.0,
        min_duration_s=1,
        merge_s=3,
        cooldown_s=7,
        longest_s=300,
        usual=2.0,
    )
    assert detector(hysteresis=0).rules.release == 10
    assert detector(hysteresis=1).rules.release == 2


def test_without_a_calibration_the_rules_are_those_of_normal_scores():
    normal = replace(measure_normal(np.zeros(9)), frame_q50=1.0, frame_q99=4.0, frame_q999=5.0)
    made = detector(None, normal, hysteresis=0.5)
    assert (made.threshold, made.usual) == (5, 1)
    assert (made.rules.threshold, made.rules.release) == (5, 3)
    # A calibration comes first.
    assert detector(normal=normal, hysteresis=0.5).rules.release == 6
    unknown = detector(None)
    assert math.isnan(unknown.threshold) and math.isnan(unknown.usual)
    assert unknown.rules is None
    assert follow(unknown, [0, 99.0])[0] == []


def test_a_usual_score_over_the_threshold_leaves_no_hysteresis():
    made = detector(replace(CALIBRATION, usual=14.0), hysteresis=0.5)
    assert (made.rules.threshold, made.rules.release) == (10, 10)


def test_an_alarm_lasts_until_the_score_falls_below_the_release_level():
    scores = [0, 12, 9, 8, 7.9, 11, 0]
    wide, kept = follow(detector(hysteresis=0.25, merge_s=0), scores)
    assert wide == [(1, 3, 12), (5, 5, 11)]
    assert kept.alarms == [False, True, True, True, False, True, False]
    none, kept = follow(detector(hysteresis=0, merge_s=0), scores)
    assert none == [(1, 1, 12), (5, 5, 11)]
    assert kept.alarms == [False, True, False, False, False, True, False]


def test_rises_close_together_are_one_alarm_and_for_a_while_there_is_no_other():
    scores = [10, 0, 11, 0, 0, 0, 12, 0, 0, 13, 0, 0, 0, 0, 0, 14]
    # Gaps of 2, 4, 3 and 6 seconds.
    merged = [(0, 2, 11), (6, 6, 12), (9, 9, 13), (15, 15, 14)]
    assert follow(detector(merge_s=2.5, cooldown_s=0), scores)[0] == merged
    # 5 s after the end of the first none has begun, so the one at 9 s is the next.
    cooled = [(0, 2, 11), (9, 9, 13), (15, 15, 14)]
    assert follow(detector(merge_s=2.5, cooldown_s=5), scores)[0] == cooled
    # Swapped, both would be another thing: all within 5 s is one alarm.
    together = [(0, 9, 13), (15, 15, 14)]
    assert follow(detector(merge_s=5, cooldown_s=2.5), scores)[0] == together


def test_a_short_rise_is_not_an_alarm():
    scores = [10, 0, 10, 10, 0, 10, 10, 10, 0]
    quick = detector(min_duration_s=1, merge_s=0)
    assert follow(quick, scores)[0] == [(2, 3, 10), (5, 7, 10)]
    assert follow(quick, scores, step_s=0.5)[0] == [(2.5, 3.5, 10)]
    assert follow(detector(min_duration_s=0, merge_s=0), scores)[0][0] == (0, 0, 10)


@pytest.mark.parametrize("seconds", [(1.0, 3.0), (4.0, 2.0)])
def test_clips_of_alarms_reach_as_far_as_the_recipe_says(seconds):
    before, after = seconds
    made = detector(before_s=before, after_s=after, merge_s=0)
    output = SourceOutput(
        SourceInfo("gate", 2.0, (8, 8)), EverySink([]), made.rules, ring=made.clip_ring()
    )
    got = []
    for index in range(40):
        score = 10.0 if index == 20 else 0.0
        got += output.frame(
            FrameScore(index, index / 2, FRAME, score, score, 10.0, score >= 10, None, {})
        )
    (over,) = (event for event in [*got, *output.finish()] if event.over)
    assert (over.clip[0].time, over.clip[-1].time) == (10 - before, 10 + after)
