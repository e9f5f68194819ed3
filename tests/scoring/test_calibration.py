"""Thresholds for so many false alarms an hour, on scores whose true rates are known."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vadkit.errors import DataError, RecipeError
from vadkit.scoring.alarm_time import TimeRules
from vadkit.scoring.calibration import (
    Calibration,
    alarm_rate,
    duration,
    load_calibration,
    rounded,
)
from vadkit.scoring.fitting import calibrate
from vadkit.scoring.peaks import (
    choose_level,
    conformal,
    fit_tail,
    gap_frames,
    peaks_over,
    pot,
    quantile,
    rate_interval,
)

EMA = [{"type": "ema", "halflife": 4}]


def noise(videos: int, frames: int, seed: int = 0) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    return {f"v{number}": draw.normal(size=frames) for number in range(videos)}


def fit(scores, **settings) -> Calibration:
    rates = dict.fromkeys(scores, 25.0)
    return calibrate(scores, rates, settings.pop("scorers", []), source="test", **settings)


def alarms_an_hour(threshold: float, scores: dict[str, np.ndarray]) -> float:
    gap = gap_frames(2.0, 25)
    count = sum(len(peaks_over(values, threshold, gap)) for values in scores.values())
    return count / (sum(map(len, scores.values())) / 25 / 3600)


def test_peaks_that_lie_within_the_gap_are_one():
    scores = np.array([0, 5, 0, 0, 7, 6, np.nan, 0, 0, 0, 9.0])
    assert peaks_over(scores, 5, gap=1).tolist() == [5, 7, 9]
    assert peaks_over(scores, 5, gap=3).tolist() == [7, 9]
    assert peaks_over(scores, 10, gap=3).tolist() == []


@pytest.mark.parametrize(("merge_s", "rate", "gap"), [(2, 10, 19), (2, 29.97, 59), (0, 25, 1)])
def test_frames_of_one_alarm_are_less_than_the_merge_time_apart(merge_s, rate, gap):
    assert gap_frames(merge_s, rate) == gap


def test_quantile_allows_that_many_peaks():
    peaks = np.arange(1.0, 11)
    level = quantile(peaks, hours=2, per_hour=1.5)
    assert np.count_nonzero(peaks >= level) == 3 and 7 < level < 7 + 1e-9
    assert quantile(peaks, hours=0.1, per_hour=1) > 10
    assert quantile(peaks, hours=20, per_hour=1) == 1


def test_a_fitted_tail_recovers_its_parameters():
    from scipy.stats import genpareto

    drawn = genpareto.rvs(0.2, scale=3, size=20000, random_state=1)
    assert fit_tail(drawn) == (pytest.approx(0.2, abs=0.03), pytest.approx(3, rel=0.05))
    level = pot(5 + drawn, hours=100, per_hour=1, level=5)  # one of 200 peaks
    assert level == pytest.approx(5 + genpareto.isf(1 / 200, 0.2, scale=3), rel=0.05)
    with pytest.raises(ValueError, match="at least 5 peaks; got 2"):
        pot(np.array([1.0, 2]), 1, 1, 0)


def test_conformal_uses_the_rank_that_its_guarantee_needs():
    maxima = np.arange(1.0, 20)  # 19 videos of half an hour
    per_hour = -math.log(0.9) / 0.5  # an alarm in at most one new video of ten
    assert 18 < conformal(maxima, 0.5, per_hour) < 18 + 1e-9
    assert conformal(maxima, 0.5, per_hour / 10) > 19


def test_rate_interval_is_the_known_one():
    assert rate_interval(0, 1) == (0, pytest.approx(3.689, abs=1e-3))
    assert rate_interval(10, 2) == (pytest.approx(2.398, abs=1e-3), pytest.approx(9.195, abs=1e-3))


@pytest.mark.parametrize("method", ["pot", "quantile", "conformal"])
def test_new_video_raises_about_as_many_alarms_as_requested(method):
    new = noise(6, 200_000, seed=99)
    found = fit(noise(40, 18_000), method=method, per_hour=4, scorers=EMA)  # 8 hours
    from vadkit.scoring.scorer import apply

    rate = alarms_an_hour(found.threshold, apply(found.chain(), new))
    assert 2 < rate < 8
    assert found.warnings == []
    seen = found.evidence
    assert (seen.videos, seen.hours) == (40, pytest.approx(8))
    assert seen.threshold_low < found.threshold < seen.threshold_high
    assert seen.rate_low < 4 < seen.rate_high
    assert seen.supported_per_hour < 4


def test_pot_extrapolates_to_rates_that_the_video_cannot_verify_and_says_so():
    new = noise(6, 200_000, seed=99)
    found = fit(noise(12, 1000), method="pot", per_hour=3)  # 8 minutes
    seen = found.evidence
    at_low, at_high = (alarms_an_hour(x, new) for x in (seen.threshold_low, seen.threshold_high))
    assert at_high < 3 < at_low
    assert alarms_an_hour(found.threshold, new) < seen.supported_per_hour
    assert found.evidence.supported_per_hour == pytest.approx(22.5, abs=0.1)
    assert found.warnings == [
        "from 8 min of normal video, no rate below 22 false alarms per hour can be verified, so "
        "the threshold is an extrapolation; a rate of 3 per hour needs about 59.9 min"
    ]
    assert fit(noise(12, 1000), per_hour=30).warnings == []


def test_conformal_counts_videos():
    found = fit(noise(6, 1000), method="conformal", per_hour=2)
    assert "from 6 normal videos, 4 min in total, no rate" in found.warnings[0]
    assert "needs about 42 of them" in found.warnings[0]
    assert found.evidence.alarms == 0


def test_scores_without_a_tail_get_a_threshold_above_them():
    scores = {"a": np.full(500, 3.0), "b": np.full(500, np.nan)}
    found = fit(scores)
    assert found.threshold > 3 and found.evidence.alarms == 0
    assert found.evidence.videos == 1
    assert "the threshold is just above the highest score" in found.warnings[0]


def test_scores_that_cannot_be_calibrated_are_refused():
    with pytest.raises(DataError, match="no normal frame has a score"):
        fit({"a": np.full(5, np.nan)})
    with pytest.raises(RecipeError, match="more than 0 false alarms per hour; got 'pot' and 0"):
        fit(noise(1, 100), per_hour=0)


def test_a_calibration_survives_its_file(tmp_path):
    found = fit(noise(3, 500), scorers=EMA)
    assert load_calibration(tmp_path) is None
    (tmp_path / "calibration.json").write_text(json.dumps(found.to_dict()))
    assert load_calibration(tmp_path) == found
    (tmp_path / "calibration.json").write_text(json.dumps({"threshold": 1}))
    with pytest.raises(DataError, match="calibrate again"):
        load_calibration(tmp_path)
    (tmp_path / "calibration.json").write_text("{")
    with pytest.raises(DataError, match=r"calibration\.json is damaged"):
        load_calibration(tmp_path)


@settings(max_examples=15, deadline=None)
@given(
    st.integers(1, 12), st.integers(30, 300), st.sampled_from([0.5, 5, 50, 500]), st.integers(0, 9)
)
def test_fewer_alarms_need_a_threshold_no_lower(videos, frames, per_hour, seed):
    scores = noise(videos, frames, seed)
    for method in ("pot", "quantile", "conformal"):
        strict, lax = (fit(scores, method=method, per_hour=r) for r in (per_hour, per_hour * 2))
        # Tails above different levels are fitted for them, so estimates differ a little.
        error = 0.02 if method == "pot" else 1e-9
        assert strict.threshold >= lax.threshold - error
        assert np.isfinite(strict.threshold)


def test_rates_and_durations_as_text():
    assert [alarm_rate(rate) for rate in (1, 2, 0.5)] == [
        "1 false alarm per hour",
        "2 false alarms per hour",
        "0.5 false alarms per hour",
    ]
    assert [rounded(rate) for rate in (0.123, 9.96, 10, 1234.5)] == ["0.12", "10", "10", "1,234"]
    seconds = [duration(one / 3600) for one in (1.2, 89.4, 89.99)]
    assert seconds == ["1 s", "89 s", "90 s"]
    assert [duration(one / 60) for one in (1.5, 4.25, 89.9)] == ["1.5 min", "4.25 min", "89.9 min"]
    assert [duration(hours) for hours in (1.5, 1.75, 12)] == ["1.5 h", "1.75 h", "12 h"]


def test_conformal_expects_the_rate_of_its_rank():
    # 9 videos of half an hour with the highest scores 1 to 9: one alarm in at most 3 of 10 videos.
    frames = 100
    scores = {f"v{n}": np.full(frames, float(n)) for n in range(1, 10)}
    rates = dict.fromkeys(scores, frames / 1800)
    per_hour = -math.log(0.7) / 0.5
    found = calibrate(
        scores, rates, [], source="test", method="conformal", per_hour=per_hour, alarm_time=1
    )
    assert 7 < found.threshold < 7 + 1e-9
    # The threshold is above 7, so 8 and 9 reach it, and a new video counts as one more.
    assert found.evidence.expected_per_hour == pytest.approx(-math.log1p(-3 / 10) / 0.5)
    assert found.evidence.supported_per_hour == pytest.approx(-math.log1p(-1 / 10) / 0.5)
    few = calibrate(scores, rates, [], source="test", method="conformal", per_hour=1e-3)
    assert few.evidence.expected_per_hour == pytest.approx(-math.log1p(-1 / 10) / 0.5)
    # Any rate is allowed: the threshold is at the lowest of the highest scores.
    all_ = calibrate(
        scores, rates, [], source="test", method="conformal", per_hour=1e3, alarm_time=1
    )
    assert 1 < all_.threshold < 1 + 1e-9
    assert all_.evidence.expected_per_hour == pytest.approx(-math.log1p(-9 / 10) / 0.5)


def test_quantile_expects_the_peaks_that_reach_its_threshold():
    scores = np.zeros(36_000)  # an hour at 10 frames per second
    scores[1000::3000] = np.arange(1.0, 13)
    found = calibrate({"v": scores}, {"v": 10.0}, [], source="test", method="quantile", per_hour=4)
    # The level for peaks leaves the highest four, so the lowest of them is the threshold.
    assert found.threshold == 9
    assert found.evidence.expected_per_hour == found.evidence.alarms == 4
    assert found.evidence.hours == 1 and found.usual == 0
    assert found.evidence.rate_low == pytest.approx(rate_interval(4, 1)[0])
    assert found.evidence.rate_high == pytest.approx(rate_interval(4, 1)[1])


def test_a_calibration_records_its_inputs():
    found = calibrate(
        noise(2, 500),
        {"v0": 25.0, "v1": 5.0},
        EMA,
        source="folds",
        per_hour=2,
        rules=TimeRules(merge_s=5),
        checkpoint="best",
        videos=7,
        warnings=["first"],
    )
    assert (found.method, found.false_alarms_per_hour, found.merge_s) == ("pot", 2, 5)
    assert (found.checkpoint, found.scorers, found.warnings[0]) == ("best", EMA, "first")
    assert (found.evidence.source, found.evidence.videos) == ("folds", 7)
    assert found.evidence.hours == pytest.approx((500 / 25 + 500 / 5) / 3600)
    assert [scorer.label for scorer in found.chain()] == ["ema(halflife=4)"]
    text = repr(found)
    assert text.startswith(f"Calibration(threshold {found.threshold:.4g} [")
    assert text.endswith(
        "] for 2 false alarms per hour and 2% of the time in alarms, by pot on 2 min of "
        "normal video, 2 warnings)"
    )


def test_the_message_for_video_without_scores_names_the_likely_reason():
    with pytest.raises(DataError) as caught:
        fit({"a": np.full(5, np.nan)})
    assert str(caught.value) == (
        "no normal frame has a score, so there is nothing to calibrate on; are the videos shorter "
        "than the method's clips?"
    )


def test_a_calibration_with_other_fields_names_those_it_needs():
    data = fit(noise(3, 500)).to_dict()
    with pytest.raises(DataError) as caught:
        Calibration.from_dict({**data, "extra": 1})
    assert str(caught.value).startswith(
        "a calibration has other fields than threshold, method, false_alarms_per_hour, scorers, "
        "usual, evidence, merge_s, checkpoint, warnings, alarm_time ("
    )
    assert str(caught.value).endswith("); calibrate again with `vadkit calibrate RUN`")
    with pytest.raises(
        DataError, match=r"^a calibration is damaged: threshold and usual must be f"
    ):
        Calibration.from_dict({**data, "threshold": math.inf})
    with pytest.raises(DataError, match=r"^a calibration is damaged: .*method"):
        Calibration.from_dict({**data, "method": "guess"})


@pytest.mark.parametrize(("method", "rate"), [("guess", 1), ("pot", -1), ("pot", math.inf)])
def test_unusable_settings_are_reported_with_the_possible_ones(method, rate):
    with pytest.raises(RecipeError) as caught:
        fit(noise(1, 100), method=method, per_hour=rate)
    assert str(caught.value) == (
        "calibration: needs a method of pot, quantile, conformal and more than 0 false alarms per "
        f"hour; got '{method}' and {rate}"
    )


def test_the_level_of_peaks_is_the_highest_that_leaves_enough():
    scores = np.r_[np.arange(1000.0), np.arange(1000.0)]
    level, found = choose_level([scores, scores], [3, 3], wanted=4)
    # Every level has one peak on each ramp, and the highest comes first.
    assert level == pytest.approx(np.quantile(scores, 0.9999))
    assert [peaks.tolist() for peaks in found] == [[999, 999], [999, 999]]
    noisy = np.random.default_rng(0).normal(size=4000)
    level, found = choose_level([noisy], [1], wanted=100)
    assert sum(map(len, found)) >= 100
    higher = [
        q for q in (0.9999, 0.9995, 0.999, 0.995, 0.99, 0.98) if np.quantile(noisy, q) > level
    ]
    assert all(len(peaks_over(noisy, np.quantile(noisy, q), 1)) < 100 for q in higher)
    # If no level leaves enough, the one with the most peaks is used.
    level, found = choose_level([noisy], [1], wanted=10**6)
    most = max(len(peaks_over(noisy, np.quantile(noisy, q), 1)) for q in (0.95, 0.9, 0.8, 0.6))
    assert len(found[0]) == most
