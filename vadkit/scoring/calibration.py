"""An alarm threshold from normal video only, for a rate of false alarms per hour of a camera."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from numbers import Real
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from vadkit.errors import DataError, RecipeError
from vadkit.reading import checked, read_json
from vadkit.recipe import check_components
from vadkit.registry import build_spec
from vadkit.scoring import peaks
from vadkit.scoring.scorer import Scorer, apply

FitName = Literal["pot", "quantile", "conformal"]
# Rises of the score this many seconds apart belong to one alarm, in calibration and in alarms.
MERGE_S = 2.0
# The number of independent peaks for the fit of a tail, if there is enough video.
_PEAKS = 50
# The bootstrap: samples, the fewest videos to sample, and the pieces to cut fewer videos into.
_DRAWS, _VIDEOS, _PIECES = 200, 8, 20


@dataclass(frozen=True)
class Evidence:
    """The normal video that a threshold is based on; intervals are 95% intervals.

    ``source`` describes how its scores were made. ``peaks`` is the number of separate peaks above
    ``level``, which were used in the fit. ``alarms`` is the number of alarms in this video at the
    threshold, and ``rate_low`` to ``rate_high`` per hour is the interval of the rate from this
    count (Poisson). ``expected_per_hour`` is the rate that the fit predicts for the threshold.
    ``threshold_low`` to ``threshold_high`` is a bootstrap interval over videos, or over pieces of
    them if there are few. ``supported_per_hour`` is the lowest rate that the amount of video can
    verify: even without a single alarm, the video would be consistent with this rate.
    """

    source: str
    videos: int
    hours: float
    level: float
    peaks: int
    alarms: int
    expected_per_hour: float
    rate_low: float
    rate_high: float
    threshold_low: float
    threshold_high: float
    supported_per_hour: float


@dataclass(frozen=True, repr=False)
class Calibration:
    """A threshold: a score at or above it is an alarm.

    It applies to raw scores of ``checkpoint`` after ``scorers`` (specs with their ``type``, in
    order), which make live scores. ``usual`` is the median of these scores on normal video. Rises
    within ``merge_s`` seconds count as one alarm.
    """

    threshold: float
    method: FitName
    false_alarms_per_hour: float
    scorers: list[dict[str, Any]]
    usual: float
    evidence: Evidence
    merge_s: float = MERGE_S
    checkpoint: str = "last"
    warnings: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        seen = self.evidence
        more = f", {len(self.warnings)} warnings" if self.warnings else ""
        return (
            f"Calibration(threshold {self.threshold:.4g} [{seen.threshold_low:.4g}, "
            f"{seen.threshold_high:.4g}] for {alarm_rate(self.false_alarms_per_hour)}, by "
            f"{self.method} on {duration(seen.hours)} of normal video{more})"
        )

    def chain(self) -> list[Scorer]:
        """The scorers that the threshold applies to."""
        return [build_spec("scorers", spec) for spec in self.scorers]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Calibration:
        """The inverse of ``to_dict``; raises ``DataError`` if a field is missing or unknown."""
        try:
            found = cls(**{**data, "evidence": Evidence(**data["evidence"])})
            checked(cls, found.to_dict())
            if not (math.isfinite(found.threshold) and math.isfinite(found.usual)):
                raise ValueError("threshold and usual must be finite numbers")
            check_components(found.scorers, "scorers", "list", "scorers")
            return found
        except (ValueError, RecipeError) as error:
            raise DataError(
                f"a calibration is damaged: {error}; calibrate again with `vadkit calibrate RUN`"
            ) from None
        except (TypeError, KeyError) as error:
            names = ", ".join(one.name for one in fields(cls))
            raise DataError(
                f"a calibration has other fields than {names} ({error}); calibrate again with "
                "`vadkit calibrate RUN`"
            ) from None


def load_calibration(run: Path) -> Calibration | None:
    """Read ``calibration.json`` of a run; None if there is none.

    Raises ``DataError`` if it cannot be read.
    """
    path = run / "calibration.json"
    advice = f"make it again with `vadkit calibrate {run}`"
    try:
        data = read_json(path, dict[str, Any], advice, error=DataError)
    except FileNotFoundError:
        return None
    try:
        return Calibration.from_dict(data)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def check_settings(method: str, per_hour: float) -> None:
    """Raise ``RecipeError`` for an unknown method or an impossible rate of false alarms."""
    known = get_args(FitName)
    if method not in known or not isinstance(per_hour, Real) or not 0 < per_hour < math.inf:
        raise RecipeError(
            f"calibration: needs a method of {', '.join(known)} and more than 0 false "
            f"alarms per hour; got '{method}' and {per_hour}"
        )


def calibrate(
    scores: Mapping[str, np.ndarray],
    rates: Mapping[str, float],
    scorers: Sequence[Mapping[str, Any]],
    *,
    source: str,
    method: FitName = "pot",
    per_hour: float = 1.0,
    merge_s: float = MERGE_S,
    checkpoint: str = "last",
    videos: int | None = None,
    warnings: Sequence[str] = (),
    paces: Mapping[str, float] | None = None,
) -> Calibration:
    """Return the threshold that normal video reaches ``per_hour`` times per hour.

    ``scores`` are raw scores (N,) by video, NaN for no score, and ``rates`` frames per second.
    ``scorers`` are specs of the scorers that make live scores of them. ``videos`` is the number of
    videos if ``scores`` are pieces of videos, and ``paces`` are those of ``apply``. Raises
    ``DataError`` if there is no score.
    """
    check_settings(method, per_hour)
    live, all_warnings = _live_scores(scores, scorers, paces or {}), list(warnings)
    series = [(values, rates[id]) for id, values in live.items()]
    hours = sum(_hours(values, rate) for values, rate in series)
    level, count = _choose_level(series, merge_s, max(_PEAKS, 4 * per_hour * hours))
    units = [_unit(values, rate, level, merge_s) for values, rate in series]
    threshold, expected = _fit(units, method, level, per_hour)
    supported = _supported(units, method)
    if supported > per_hour * (1 + 1e-9):
        beyond = method == "pot" and count >= peaks.FEWEST
        all_warnings.append(_too_little(units, method, per_hour, supported, beyond))
    low, high = _interval(units, series, hours, level, merge_s, method, per_hour)
    alarms = _alarms_over(series, threshold, merge_s)
    rate_low, rate_high = peaks.rate_interval(alarms, hours)
    evidence = Evidence(
        source=source,
        videos=len(series) if videos is None else videos,
        hours=hours,
        level=level,
        peaks=count,
        alarms=alarms,
        expected_per_hour=expected,
        rate_low=rate_low,
        rate_high=rate_high,
        threshold_low=min(low, threshold),
        threshold_high=max(high, threshold),
        supported_per_hour=supported,
    )
    return Calibration(
        threshold,
        method,
        per_hour,
        [dict(spec) for spec in scorers],
        float(np.nanmedian(np.concatenate(list(live.values())))),
        evidence,
        merge_s=merge_s,
        checkpoint=checkpoint,
        warnings=all_warnings,
    )


def _interval(
    units: Sequence[_Unit],
    series: Sequence[tuple[np.ndarray, float]],
    hours: float,
    level: float,
    merge_s: float,
    method: FitName,
    per_hour: float,
) -> tuple[float, float]:
    """Return the interval of the threshold over samples of videos, or of pieces of a few videos."""
    if method != "conformal" and len(units) < _VIDEOS:
        units = _pieces(series, hours, level, merge_s)
    return _bootstrap(units, method, level, per_hour)


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


def _choose_level(
    series: Sequence[tuple[np.ndarray, float]], merge_s: float, fewest: float
) -> tuple[float, int]:
    """Return the level over which scores count as peaks, and the number of peaks."""
    level, found = peaks.choose_level(
        [values for values, _ in series],
        [peaks.gap_frames(merge_s, rate) for _, rate in series],
        fewest,
    )
    return level, sum(map(len, found))


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
        highest = np.array([unit.highest for unit in units])
        threshold = peaks.conformal(highest, each, per_hour)
        share = np.count_nonzero(highest >= threshold) + 1
        return threshold, -math.log1p(-min(share / (len(highest) + 1), 1 - 1e-9)) / each
    if method == "pot" and len(found) >= peaks.FEWEST and per_hour * hours < len(found):
        return peaks.pot(found, hours, per_hour, level), per_hour
    threshold = peaks.quantile(found, hours, per_hour)
    return threshold, float(np.count_nonzero(found >= threshold)) / hours


def _supported(units: Sequence[_Unit], method: FitName) -> float:
    """Return the lowest rate per hour that the video can verify."""
    if method == "conformal":
        each = float(np.median([unit.hours for unit in units]))
        return math.log1p(1 / len(units)) / each
    # No alarm in H hours is consistent with 3 / H per hour with a probability of 5%.
    return -math.log(0.05) / sum(unit.hours for unit in units)


def _too_little(
    units: Sequence[_Unit],
    method: FitName,
    per_hour: float,
    supported: float,
    extrapolated: bool,
) -> str:
    hours = sum(unit.hours for unit in units)
    what = f"{duration(hours)} of normal video"
    need = duration(hours * supported / per_hour)
    if method == "conformal":
        what = f"{len(units)} normal videos, {duration(hours)} in total"
        need = f"{math.ceil(len(units) * supported / per_hour)} of them"
    kept = "an extrapolation" if extrapolated else "just above the highest score"
    return (
        f"from {what}, no rate below {rounded(supported)} false alarms per hour can be verified, "
        f"so the threshold is {kept}; a rate of {per_hour:g} per hour needs about {need}"
    )


def alarm_rate(per_hour: float) -> str:
    """Format a rate as "1 false alarm per hour"."""
    return f"{per_hour:g} false alarm{'' if per_hour == 1 else 's'} per hour"


def rounded(rate: float) -> str:
    """Format a rate: two significant digits below 10, else an integer."""
    return f"{rate:.2g}" if rate < 10 else f"{rate:,.0f}"


def duration(hours: float) -> str:
    """Format hours as "45 s", "4.3 min" or "12 h"."""
    if hours * 3600 < 90:
        return f"{hours * 3600:.0f} s"
    return f"{hours * 60:.3g} min" if hours < 1.5 else f"{hours:.3g} h"


def _bootstrap(
    units: Sequence[_Unit], method: FitName, level: float, per_hour: float
) -> tuple[float, float]:
    """Return the 95% interval of the threshold, over videos sampled with replacement."""
    draw = np.random.default_rng(0)
    thresholds = []
    for _ in range(_DRAWS):
        drawn = [units[number] for number in draw.integers(len(units), size=len(units))]
        if sum(len(unit.peaks) for unit in drawn):
            thresholds.append(_fit(drawn, method, level, per_hour)[0])
    low, high = np.quantile(thresholds, [0.025, 0.975]).tolist()
    return low, high
