"""Alarms of a source: one event for a change of the camera, no alarm that stands for hours."""

from __future__ import annotations

import numpy as np
import pytest

from tests.inference.camera_videos import video
from vadkit.inference.alarms import AlarmRules
from vadkit.inference.source_alarms import SourceAlarms
from vadkit.scoring.fitting import calibrate

RULES = AlarmRules(10.0, 9.0, longest_s=300.0, usual=1.0)


def scored(alarms: SourceAlarms, scores: dict[float, float], seconds: float, step: float = 1.0):
    """Push a score that changes at the given times; return events, and the share of time on."""
    found, on, value = [], 0, 0.0
    for number in range(round(seconds / step)):
        time = number * step
        value = scores.get(time, value)
        found += alarms.push(time, value)
        on += alarms.on
    return found + alarms.finish(), on * step / seconds


def test_an_alarm_that_stands_is_over_after_the_longest_time_and_says_so():
    alarms = SourceAlarms(RULES, source="gate")
    found, on = scored(alarms, {0: 1.0, 60: 20.0}, 4 * 3600)
    assert [(one.start, one.end) for one in found] == [(60, None), (60, 360)]
    assert found[1].message == (
        "still on after 5 min: this level counts as usual until the score is back"
    )
    assert on < 0.025


def test_after_a_standing_alarm_a_higher_score_raises_one_and_the_old_level_comes_back():
    alarms = SourceAlarms(RULES, source="gate")
    steps = {0: 1.0, 60: 20.0, 1000: 40.0, 1010: 20.0, 2000: 1.0, 3000: 12.0, 3010: 1.0}
    found, _ = scored(alarms, steps, 3600)
    begun = [one.start for one in found if not one.over]
    assert begun == [60, 1000, 3000]
    assert [one.message for one in found if one.over][1:] == ["", ""]
    assert found[-1].threshold == 10


def test_a_score_that_swings_for_hours_alarms_for_a_small_part_of_the_time():
    alarms = SourceAlarms(RULES)
    draw = np.random.default_rng(0)
    found, on = [], 0
    level = 200 + 60 * np.cumsum(draw.normal(size=8 * 3600)) / 100
    for time, value in enumerate(level + 30 * draw.normal(size=len(level))):
        found += alarms.push(float(time), float(value))
        on += alarms.on
    assert on / len(level) < 0.05
    assert sum(not one.over for one in found) < 8 * 6


def test_without_a_longest_time_an_alarm_stands():
    found, on = scored(SourceAlarms(AlarmRules(10, 9)), {0: 1.0, 60: 20.0}, 3600)
    assert found[-1].end == 3599 and on > 0.98


def pushed(alarms: SourceAlarms, seconds: float, incident, score):
    found = []
    for time, frame in video(seconds, incident):
        found += [(time, event) for event in alarms.push(time, score(time), frame=frame)]
    return found + [(seconds, event) for event in alarms.finish()]


def test_a_covered_camera_is_one_event_and_no_alarm():
    covered = pushed(
        SourceAlarms(RULES, source="gate"),
        60,
        lambda t, f: f * 0 if 20 <= t < 40 else f,
        lambda t: 50.0 if 20 <= t < 40 else 1.0,
    )
    assert [(event.kind, event.over) for _, event in covered] == [
        ("camera-covered", False),
        ("camera-covered", True),
    ]


def test_an_alarm_from_before_a_change_ends_with_it_and_one_after_it_is_raised():
    events = pushed(
        SourceAlarms(RULES, source="gate"),
        70,
        lambda t, f: f * 0 if 20 <= t < 40 else f,
        lambda t: 50.0 if 15 <= t < 40 or t >= 60 else 1.0,
    )
    kinds = [(event.kind, event.over) for _, event in events]
    assert kinds == [
        ("alarm", False),
        ("alarm", True),
        ("camera-covered", False),
        ("camera-covered", True),
        ("alarm", False),
        ("alarm", True),
    ]
    assert events[1][1].message == "ended by camera-covered: the picture is dark"


def test_an_alarm_waits_at_most_five_seconds_for_a_change_that_passes():
    events = pushed(
        SourceAlarms(RULES, source="gate"),
        40,
        lambda t, f: f * 0 + 150 if 20 <= t < 22 else f,
        lambda t: 50.0 if 20 <= t < 30 else 1.0,
    )
    (told, begun), (_, over) = events
    assert begun.kind == "alarm" and begun.start == 20 and told == pytest.approx(22, abs=0.3)
    assert over.end == pytest.approx(29.8)


def test_scores_of_the_new_light_are_no_alarm_once_it_is_usual():
    events = pushed(
        SourceAlarms(RULES, source="gate"),
        120,
        lambda t, f: f * 0.4 if t >= 20 else f,
        lambda t: 1.0 if t < 20 else 80.0 if 100 <= t < 105 else 30.0,
    )
    kinds = [event.kind for _, event in events]
    assert kinds == ["lighting", "lighting", "alarm", "alarm"]
    assert events[2][1].start == 100


def test_an_alarm_says_how_sure_it_is_and_without_rules_there_is_the_camera_alone():
    normal = {"a": np.random.default_rng(0).normal(size=5000)}
    known = calibrate(normal, {"a": 25.0}, [], source="a video")
    begun, over = scored(SourceAlarms(RULES, calibration=known), {5: 50.0, 9: 0.0}, 20)[0]
    assert begun.sure == over.sure == known.sureness(50.0) != ""
    assert over.to_dict()["sure"] == over.sure
    camera = SourceAlarms(None)
    events = pushed(camera, 30, lambda t, f: f * 0 if t >= 10 else f, lambda t: 50.0)
    assert [event.kind for _, event in events] == ["camera-covered"] * 2 and not camera.on
    off = SourceAlarms(None, camera=False)
    assert pushed(off, 30, lambda t, f: f * 0 if t >= 10 else f, lambda t: 50.0) == []
