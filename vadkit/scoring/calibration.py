"""An alarm threshold from normal video only, with the evidence for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from vadkit.errors import DataError, RecipeError
from vadkit.reading import checked, read_json
from vadkit.recipe import check_components
from vadkit.registry import build_spec
from vadkit.scoring.alarm_time import MERGE_S
from vadkit.scoring.peaks import tail_rate
from vadkit.scoring.scorer import Scorer

FitName = Literal["pot", "quantile", "conformal"]


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

    ``alarm_time`` is the share of this video inside alarms at the threshold. ``rare`` is the number
    of rare events, peaks that do not belong to the tail of the others, and ``rare_time`` the share
    of time that scores exceed ``highest``, the highest other peak. Rare events count as no higher
    than that, and ``alarm_time`` leaves them out. ``shape`` and ``scale`` are those of the tail
    above ``level``; None for calibrations of earlier versions.
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
    alarm_time: float | None = None
    rare: int = 0
    rare_time: float = 0.0
    highest: float | None = None
    shape: float | None = None
    scale: float | None = None


@dataclass(frozen=True, repr=False)
class Calibration:
    """A threshold: a score at or above it is an alarm.

    It is for at most ``false_alarms_per_hour`` and at most the share ``alarm_time`` of normal time
    inside alarms (None: not limited, as in calibrations of earlier versions).

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
    alarm_time: float | None = None

    def __repr__(self) -> str:
        seen = self.evidence
        more = f", {len(self.warnings)} warnings" if self.warnings else ""
        return (
            f"Calibration(threshold {self.threshold:.4g} [{seen.threshold_low:.4g}, "
            f"{seen.threshold_high:.4g}] for {self.target}, by {self.method} "
            f"on {duration(seen.hours)} of normal video{more})"
        )

    @property
    def target(self) -> str:
        """What the threshold is for: "1 false alarm per hour and 2% of the time in alarms"."""
        return alarm_target(self.false_alarms_per_hour, self.alarm_time)

    def normal_rate(self, score: float) -> float | None:
        """Return how often per hour normal video is expected to reach a score; None if unknown.

        It extrapolates the tail of the scores. It can be verified only down to
        ``evidence.supported_per_hour``.
        """
        seen = self.evidence
        if seen.shape is None or seen.scale is None or seen.hours <= 0:
            return None
        return tail_rate(score, seen.level, seen.shape, seen.scale, seen.peaks / seen.hours)

    def sureness(self, score: float) -> str:
        """Describe how unusual an alarm with this peak is, as far as the normal video can tell."""
        seen, rate = self.evidence, self.normal_rate(score)
        amount = f"{duration(seen.hours)} of normal video"
        if rate is None or seen.highest is None:
            return ""
        often = f"about {rounded(rate)} an hour"
        if score <= seen.highest:
            return f"normal video is sometimes as high: {often} in {amount}"
        if rate < 0.01:
            often = "less than 1 in 100 hours"
        higher = "higher than anything" if not seen.rare else "higher than all but rare events"
        guess = "expect" if rate >= seen.supported_per_hour else "by extrapolation"
        return f"{higher} in {amount}; {guess} {often}"

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


def alarm_rate(per_hour: float) -> str:
    """Format a rate as "1 false alarm per hour"."""
    return f"{per_hour:g} false alarm{'' if per_hour == 1 else 's'} per hour"


def alarm_target(per_hour: float, alarm_time: float | None) -> str:
    """Format what a threshold is for: "1 false alarm per hour and 2% of the time in alarms"."""
    if alarm_time is None:
        return alarm_rate(per_hour)
    return f"{alarm_rate(per_hour)} and {100 * alarm_time:.3g}% of the time in alarms"


def rounded(rate: float) -> str:
    """Format a rate: two significant digits below 10, else an integer."""
    return f"{rate:.2g}" if rate < 10 else f"{rate:,.0f}"


def duration(hours: float) -> str:
    """Format hours as "45 s", "4.3 min" or "12 h"."""
    if hours * 3600 < 90:
        return f"{hours * 3600:.0f} s"
    return f"{hours * 60:.3g} min" if hours < 1.5 else f"{hours:.3g} h"
