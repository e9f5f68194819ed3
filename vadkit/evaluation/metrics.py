"""A metric with its protocol, and the setting that evaluators get."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Metric:
    """One number of an evaluation.

    ``name`` is the metric ("micro-auc"), ``protocol`` describes how it was measured ("raw: not
    smoothed, ..."). Rates and areas are 0..1; ``value`` is NaN if the metric is undefined. ``low``
    and ``high`` are the bounds of its confidence interval, if one was computed.
    """

    name: str
    value: float
    protocol: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Setting:
    """What an evaluator gets in addition to scores and labels.

    ``protocol`` describes how the scores were made. ``threshold`` is the alarm threshold in the
    unit of the scores, from normal video only; None if there is none, or if the protocol changes
    the unit. ``per_hour`` is the rate of false alarms per hour that it was calibrated for, None if
    it was not. ``gaps`` is, by video, the largest distance in frames between frames of one alarm;
    the default is 1. ``rates`` maps videos to frames per second; a missing video has no known rate.
    ``categories`` maps videos to kinds of anomaly, if the dataset has them.
    """

    protocol: str = "raw"
    threshold: float | None = None
    rates: Mapping[str, float] = field(default_factory=dict)
    categories: Mapping[str, str] = field(default_factory=dict)
    gaps: Mapping[str, int] = field(default_factory=dict)
    per_hour: float | None = None
