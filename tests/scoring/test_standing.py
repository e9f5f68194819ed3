"""A score that stays high becomes usual, and is usual no longer when it is back."""

from __future__ import annotations

import math

import pytest

from vadkit.scoring.standing import StandingLevel


def test_before_an_alarm_stands_nothing_is_raised():
    level = StandingLevel(10, 2, 100)
    assert [level.push(t, 50.0) for t in range(50)] == [0.0] * 50
    assert not level.is_standing(0, 99) and level.is_standing(0, 100)


def test_a_standing_level_raises_the_threshold_until_it_is_back():
    level = StandingLevel(10, 2, 100)
    for time in range(100):
        level.push(time, 30.0)
    level.stand(99, 30.0, peak=33)
    # First above the peak and far above the level, because it has just risen; then as usual.
    assert 38 <= 10 + level.push(100, 30.0) < 60
    for time in range(101, 300):
        raised = level.push(time, 30.0)
    assert 10 + raised == pytest.approx(38, abs=0.1)
    assert level.is_standing(300, 320) and not level.is_standing(300, 319)
    assert math.isfinite(level.push(300, math.nan))
    times = [time for time in range(301, 500) if level.push(time, 2.0) > 0]
    assert times and times[-1] < 400 and not level.stands


def test_a_high_level_that_fluctuates_must_exceed_its_peak_for_longer_each_time():
    level = StandingLevel(10, 2, 100)
    level.push(0, 500.0)
    level.stand(0, 500.0, peak=900.0)
    assert 10 + level.push(99, 500.0) > 900
    assert 10 + level.push(101, 500.0) < 600
    level.stand(110, 500.0, peak=900.0)
    assert 10 + level.push(309, 500.0) > 900
    for number in range(9):
        level.stand(1000 + number, 500.0, peak=900.0)
    assert 10 + level.push(1008 + 1199, 500.0) > 900
    assert 10 + level.push(1008 + 1201, 500.0) < 600


def test_an_unknown_usual_score_is_the_threshold():
    level = StandingLevel(10, math.nan, 100)
    level.push(0, 20.0)
    level.stand(0, 20.0, peak=20.0)
    assert level.push(200, 20.0) == pytest.approx(10)
