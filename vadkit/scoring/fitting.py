"""Fit an alarm threshold to scores of normal video."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, NamedTuple, get_args

import numpy as np

from vadkit.errors import DataError, RecipeError
from vadkit.registry import build_spec
from vadkit.scoring import peaks
from vadkit.scoring.alarm_time import TimeRules, threshold_for_time, time_share
from vadkit.scoring.calibration import Calibration, Evidence, FitName, duration, rounded
from vadkit.scoring.rare import Rare, find_rare
from vadkit.scoring.scorer import apply

# The number of independent peaks for the fit of a tail, if there is enough video.
_PEAKS = 50
# A tail is extrapolated to at most this many times the length of the video. From less video than
# the target needs, the threshold is for the lowest rate within this reach.
_REACH = 10
# The bootstrap: samples, the fewest videos to sample, and the pieces to cut fewer videos into.
_DRAWS, _VIDEOS, _PIECES = 200, 8, 20


def check_settings(
    method: str, per_hour: float, alarm_time: float = 1.0, contamination: float = 0.0
) -> None:
    """Raise ``RecipeError`` for an unknown method, or an impossible rate or share of time."""
    known = get_args(FitName)
    if method not in known or not isinstance(per_hour, Real) or not 0 < per_hour < math.inf:
        raise RecipeError(
            f"calibration: needs a method of {', '.join(known)} and more than 0 false "
            f"alarms per hour; got '{method}' and {per_hour}"
        )
    if not isinstance(alarm_time, Real) or not 0 < alarm_time <= 1:
        raise RecipeError(
            "calibration: alarm_time is the allowed share of normal time inside alarms, above 0 "
            f"and at most 1; got {alarm_time}"
        )
    if not isinstance(contamination, Real) or not 0 <= contamination < 0.5:
        raise RecipeError(
            "calibration: contamination is the share of time that may be rare events, from 0 to "
            f"less than 0.5; got {contamination}"
        )


def calibrate(
    scores: Mapping[str, np.ndarray],
    rates: Mapping[str, float],
    scorers: Sequence[Mapping[str, Any]],
    *,
    source: str,
    method: FitName = "pot",
    per_hour: float = 1.0,
    alarm_time: float = 0.02,
    contamination: float = 0.02,
    rules: TimeRules | None = None,
    checkpoint: str = "last",
    videos: int | None = None,
    warnings: Sequence[str] = (),
    paces: Mapping[str, float] | None = None,
) -> Calibration:
    """Return the lowest threshold that meets two limits on alarms in normal video.

    These are ``per_hour`` alarms per hour, and the share ``alarm_time`` of time inside alarms of
    these ``rules``. ``contamination`` is the largest share of time that may be rare events, which
    then do not move the threshold (see ``rare_peaks``).

    ``scores`` are raw scores (N,) by video, NaN for no score, and ``rates`` frames per second.
    ``scorers`` are specs of the scorers that make live scores of them. ``videos`` is the number of
    videos if ``scores`` are pieces of videos, and ``paces`` are those of ``apply``. Raises
    ``DataError`` if there is no score.
    """
    check_settings(method, per_hour, alarm_time, contamination)
    live, rules = _live_scores(scores, scorers, paces or {}), rules or TimeRules()
    series = [(values, rates[id]) for id, values in live.items()]
    usual = float(np.nanmedian(np.concatenate([values for values, _ in series])))
    normal = _normal(series, rules.merge_s, per_hour, contamination)
    threshold, expected = _fit(normal.units, method, normal.level, per_hour)
    for_time = threshold_for_time(
        series, alarm_time, usual, rules, lowest=threshold, highest=normal.rare.highest
    )
    if for_time > threshold:
        threshold = for_time
        expected = min(expected, _observed(normal, threshold))
    return Calibration(
        threshold,
        method,
        per_hour,
        [dict(spec) for spec in scorers],
        usual,
        _evidence(normal, method, per_hour, threshold, expected, usual, rules, source, videos),
        merge_s=rules.merge_s,
        checkpoint=checkpoint,
        warnings=[*warnings, *_warnings(normal, method, per_hour)],
        alarm_time=float(alarm_time),
    )


@dataclass(frozen=True)
class _Normal:
    """Normal video: its scores with their rates, and its peaks above ``level``.

    ``units`` have the peaks of ``bounded`` scores, which count rare events as no higher than the
    highest other peak.
    """

    series: list[tuple[np.ndarray, float]]
    bounded: list[tuple[np.ndarray, float]]
    units: Sequence[_Unit]
    hours: float
    level: float
    rare: Rare


def _normal(
    series: list[tuple[np.ndarray, float]], merge_s: float, per_hour: float, contamination: float
) -> _Normal:
    hours = sum(_hours(values, rate) for values, rate in series)
    rare = find_rare(series, merge_s, contamination)
    bounded = [(np.minimum(values, rare.highest), rate) for values, rate in series]
    level, _ = peaks.choose_level(
        [values for values, _ in bounded],
        [peaks.gap_frames(merge_s, rate) for _, rate in bounded],
        max(_PEAKS, 4 * per_hour * hours),
    )
    units = [_unit(values, rate, level, merge_s) for values, rate in bounded]
    return _Normal(series, bounded, units, hours, level, rare)


def _evidence(
    normal: _Normal,
    method: FitName,
    per_hour: float,
    threshold: float,
    expected: float,
    usual: float,
    rules: TimeRules,
    source: str,
    videos: int | None,
) -> Evidence:
    low, high = _interval(normal, rules.merge_s, method, per_hour)
    alarms = _alarms_over(normal.series, threshold, rules.merge_s)
    rate_low, rate_high = peaks.rate_interval(alarms, normal.hours)
    found = np.concatenate([unit.peaks for unit in normal.units])
    enough = len(found) >= peaks.FEWEST
    shape, scale = peaks.fit_tail(found - normal.level) if enough else (None, None)
    return Evidence(
        source=source,
        videos=len(normal.series) if videos is None else videos,
        hours=normal.hours,
        level=normal.level,
        peaks=len(found),
        alarms=alarms,
        expected_per_hour=expected,
        rate_low=rate_low,
        rate_high=rate_high,
        threshold_low=min(low, threshold),
        threshold_high=max(high, threshold),
        supported_per_hour=_supported(normal.units, method),
        alarm_time=time_share(normal.series, threshold, usual, rules, normal.rare.highest),
        rare=normal.rare.events,
        rare_time=normal.rare.time,
        highest=normal.rare.highest,
        shape=shape,
        scale=scale,
    )


def _warnings(normal: _Normal, method: FitName, per_hour: float) -> list[str]:
    found = []
    rare = normal.rare
    if rare.events > per_hour * normal.hours:
        what = "1 rare event" if rare.events == 1 else f"{rare.events} rare events"
        found.append(
            f"{what} ({duration(rare.time * normal.hours)}, {100 * rare.time:.2g}% of the time) in "
            "the normal video did not move the threshold, so the like will raise alarms; if they "
            "are normal, set calibration.contamination: 0"
        )
    supported = _supported(normal.units, method)
    if supported > per_hour * (1 + 1e-9):
        found.append(_too_little(normal, method, per_hour, supported))
    return found


def _observed(normal: _Normal, threshold: float) -> float:
    """Return the rate per hour of peaks that reach a threshold within the scores."""
    found = np.concatenate([unit.peaks for unit in normal.units])
    return float(np.count_nonzero(found >= threshold)) / normal.hours


def _interval(
    normal: _Normal, merge_s: float, method: FitName, per_hour: float
) -> tuple[float, float]:
    """Return the interval of the threshold over samples of videos, or of pieces of a few videos."""
    units = normal.units
    if method != "conformal" and len(units) < _VIDEOS:
        units = _pieces(normal.bounded, normal.hours, normal.level, merge_s)
    draw = np.random.default_rng(0)
    thresholds = []
    for _ in range(_DRAWS):
        drawn = [units[number] for number in draw.integers(len(units), size=len(units))]
        if sum(len(unit.peaks) for unit in drawn):
            thresholds.append(_fit(drawn, method, normal.level, per_hour)[0])
    low, high = np.quantile(thresholds, [0.025, 0.975]).tolist()
    return low, high


def _live_scores(
    scores: Mapping[str, np.ndarray],
    scorers: Sequence[Mapping[str, Any]],
    paces: Mapping[str, float],
) -> dict[str, np.ndarray]:
    """Return the smoothed scores of the videos that have any; ``DataError`` if none has."""
    final = apply([build_spec("scorers", spec) for spec in scorers], dict(scores), paces)
    final = {id: values for id, values in final.items() if not np.isnan(values).all()}
    if not final:
        raise DataError(
            "no normal frame has a score, so there is nothing to calibrate on; are the videos "
            "shorter than the method's clips?"
        )
    return final


def _alarms_over(
    series: Sequence[tuple[np.ndarray, float]], threshold: float, merge_s: float
) -> int:
    """Return the number of alarms that the normal video itself would raise."""
    return sum(
        len(peaks.peaks_over(values, threshold, peaks.gap_frames(merge_s, rate)))
        for values, rate in series
    )


class _Unit(NamedTuple):
    """A video or a piece of one: its peaks above the level, hours, and highest score."""

    peaks: np.ndarray
    hours: float
    highest: float


def _unit(values: np.ndarray, rate: float, level: float, merge_s: float) -> _Unit:
    found = peaks.peaks_over(values, level, peaks.gap_frames(merge_s, rate))
    highest = float(np.nanmax(values)) if not np.isnan(values).all() else -math.inf
    return _Unit(found, _hours(values, rate), highest)


def _pieces(
    series: Sequence[tuple[np.ndarray, float]], hours: float, level: float, merge_s: float
) -> list[_Unit]:
    """Cut few videos into about ``_PIECES`` pieces of similar length, for the bootstrap."""
    return [
        _unit(piece, rate, level, merge_s)
        for values, rate in series
        for piece in np.array_split(values, max(1, round(_PIECES * _hours(values, rate) / hours)))
    ]


def _hours(values: np.ndarray, rate: float) -> float:
    return float(np.count_nonzero(~np.isnan(values))) / rate / 3600


def _fit(
    units: Sequence[_Unit], method: FitName, level: float, per_hour: float
) -> tuple[float, float]:
    """Return the threshold, and the expected number of alarms per hour."""
    found = np.concatenate([unit.peaks for unit in units])
    hours = sum(unit.hours for unit in units)
    if method == "conformal":
        each = float(np.median([unit.hours for unit in units]))
        maxima = np.array([unit.highest for unit in units])
        threshold = peaks.conformal(maxima, each, per_hour)
        share = np.count_nonzero(maxima >= threshold) + 1
        return threshold, -math.log1p(-min(share / (len(maxima) + 1), 1 - 1e-9)) / each
    if method == "pot" and len(found) >= peaks.FEWEST and per_hour * hours < len(found):
        reached = _reached(hours, per_hour)
        return peaks.pot(found, hours, reached, level), reached
    threshold = peaks.quantile(found, hours, per_hour)
    return threshold, float(np.count_nonzero(found >= threshold)) / hours


def _reached(hours: float, per_hour: float) -> float:
    """Return the lowest rate, not below ``per_hour``, that a tail is extrapolated to."""
    return max(per_hour, 1 / (_REACH * hours))


def _supported(units: Sequence[_Unit], method: FitName) -> float:
    """Return the lowest rate per hour that the video can verify."""
    if method == "conformal":
        each = float(np.median([unit.hours for unit in units]))
        return math.log1p(1 / len(units)) / each
    # No alarm in H hours is consistent with 3 / H per hour with a probability of 5%.
    return -math.log(0.05) / sum(unit.hours for unit in units)


def _too_little(normal: _Normal, method: FitName, per_hour: float, supported: float) -> str:
    units, hours = normal.units, normal.hours
    what = f"{duration(hours)} of normal video"
    need = duration(hours * supported / per_hour)
    if method == "conformal":
        what = f"{len(units)} normal videos, {duration(hours)} in total"
        need = f"{math.ceil(len(units) * supported / per_hour)} of them"
    kept, reached = "just above the highest score", _reached(hours, per_hour)
    if normal.rare.events:
        kept = "just above all but rare events"
    if method == "pot" and sum(len(unit.peaks) for unit in units) >= peaks.FEWEST:
        kept = "an extrapolation"
        if reached > per_hour:
            kept = f"for {rounded(reached)} per hour, which is as far as it can be extrapolated"
    return (
        f"from {what}, no rate below {rounded(supported)} false alarms per hour can be verified, "
        f"so the threshold is {kept}; a rate of {per_hour:g} per hour needs about {need}"
    )
