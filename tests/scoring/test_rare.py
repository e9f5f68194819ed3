"""Rare events in normal video are found, and do not move the threshold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vadkit.errors import RecipeError
from vadkit.scoring.calibration import Calibration
from vadkit.scoring.fitting import calibrate
from vadkit.scoring.peaks import rare_peaks, tail_rate
from vadkit.scoring.rare import find_rare

RATE = 10.0


def normal(seed: int, minutes: float, height: float = 0.0, share: float = 0.015, events: int = 3):
    """Return smooth scores, with rare events of about ``height`` in ``share`` of the time."""
    from scipy.signal import lfilter

    draw = np.random.default_rng(seed)
    count = round(minutes * 60 * RATE)
    keep = math.exp(-1 / RATE)
    scores = lfilter([math.sqrt(1 - keep**2)], [1, -keep], draw.normal(size=count))
    each = round(share * count / events)
    for number in range(events if height else 0):
        first = round((number + 0.5) * count / events)
        scores[first : first + each] += height * draw.uniform(0.7, 1.3)
    return {"v": scores}


def fit(scores, **settings) -> Calibration:
    return calibrate(scores, dict.fromkeys(scores, RATE), [], source="test", **settings)


def test_a_few_peaks_far_above_the_tail_are_found_together():
    tail = np.random.default_rng(0).exponential(size=60)
    assert rare_peaks(tail, 0.0, 12) == 0
    for rare in ([40.0], [40, 41], [30, 32, 35, 60]):
        assert rare_peaks(np.r_[rare, tail], 0.0, 12) == len(rare)
        # Of two equals, one is hidden by the other unless both may be rare.
        assert rare_peaks(np.r_[rare, tail], 0.0, 0) == 0
    assert rare_peaks(np.zeros(10), 0.0, 2) == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([6.0, 12.0, 60.0]))
def test_rare_events_leave_the_threshold_within_reach(seed, minutes):
    clean, rare = normal(seed, minutes), normal(seed, minutes, height=20)
    found, without = fit(rare), fit(rare, contamination=0)
    assert without.threshold > 1.7 * found.threshold
    assert found.evidence.rare == 3 and found.evidence.rare_time == pytest.approx(0.015, rel=0.2)
    assert found.threshold < 12 and found.evidence.highest < 6
    assert abs(found.threshold - fit(clean).threshold) < 4
    assert found.evidence.alarms >= 3
    if minutes > 6:
        assert "3 rare events (" in found.warnings[0] or found.evidence.hours >= 3
    assert "if they are normal, set calibration.contamination: 0" in found.warnings[0]


def test_the_bounds_of_rare_events_are_those_stated():
    # 5% of the time is not rare, unless it is allowed.
    scores = normal(1, 30, height=20, share=0.05, events=1)
    assert fit(scores).evidence.rare == 0
    assert fit(scores, contamination=0.06).evidence.rare == 1
    # Of many peaks, more than a third are not rare.
    many = [(normal(1, 30, height=20, share=0.015, events=25)["v"], RATE)]
    assert find_rare(many, 2.0, 0.02).events == 0
    with pytest.raises(RecipeError, match=r"from 0 to less than 0.5; got 0.5"):
        fit(scores, contamination=0.5)
    with pytest.raises(RecipeError, match="above 0 and at most 1; got 0"):
        fit(scores, alarm_time=0)


def test_clean_video_seldom_has_rare_events():
    found = [find_rare([(normal(seed, 30)["v"], RATE)], 2.0, 0.02).events for seed in range(60)]
    assert np.count_nonzero(found) <= 1


def test_a_threshold_limits_the_time_inside_alarms():
    # One long rise in an hour: 5% of the time, and one alarm.
    scores = normal(2, 60)
    scores["v"][10_000:11_800] += 6
    long = fit(scores, alarm_time=1)
    assert long.evidence.alarms <= 1 and long.evidence.alarm_time > 0.02
    limited = fit(scores)
    assert limited.threshold > long.threshold and limited.evidence.alarm_time <= 0.02
    assert limited.alarm_time == 0.02
    assert limited.target == "1 false alarm per hour and 2% of the time in alarms"
    assert Calibration.from_dict(limited.to_dict()) == limited


def test_little_video_is_extrapolated_only_ten_times_its_length():
    found = fit(normal(0, 0.5))
    assert found.evidence.expected_per_hour == pytest.approx(12)
    assert found.threshold < fit(normal(0, 6)).threshold + 3
    assert "so the threshold is for 12 per hour, which is as far as it can be" in found.warnings[-1]


def test_an_alarm_says_how_sure_it_is():
    found = fit(normal(0, 6))
    seen = found.evidence
    assert found.normal_rate(seen.level) == pytest.approx(seen.peaks / seen.hours)
    assert found.normal_rate(found.threshold) == pytest.approx(seen.expected_per_hour, rel=1e-6)
    assert found.normal_rate(-9.0) == found.normal_rate(seen.level)
    assert found.sureness(seen.highest + 1e-9).startswith(
        "higher than anything in 6 min of normal video; by extrapolation about "
    )
    assert found.sureness(1000.0).endswith("; by extrapolation less than 1 in 100 hours")
    assert found.sureness(seen.level).startswith("normal video is sometimes as high: about ")
    rare = fit(normal(0, 6, height=20))
    assert rare.sureness(30.0).startswith("higher than all but rare events in 6 min")
    # A calibration of an earlier version does not know.
    old = found.to_dict()
    for name in ("alarm_time", "rare", "rare_time", "highest", "shape", "scale"):
        del old["evidence"][name]
    del old["alarm_time"]
    older = Calibration.from_dict(old)
    assert older.normal_rate(1.0) is None and older.sureness(1.0) == ""
    assert older.target == "1 false alarm per hour"


def test_a_tail_has_a_rate_at_every_height():
    assert tail_rate(1, 2, 0.0, 1.0, 60) == 60
    assert tail_rate(2 + math.log(60), 2, 0.0, 1.0, 60) == pytest.approx(1)
    # A tiny shape is nearly that of an exponential tail.
    for shape in (1e-17, -1e-17, 1e-9):
        assert tail_rate(2 + math.log(60), 2, shape, 1.0, 60) == pytest.approx(1)
    assert tail_rate(4, 2, 0.5, 1.0, 60) == pytest.approx(15)
    assert tail_rate(4, 2, -0.5, 1.0, 60) == 0
