"""A measured value with the protocol it was measured under, and what evaluators are told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Metric:
    """One number of an evaluation.

    ``name`` says what was measured ("micro-auc"), ``protocol`` how ("raw: not smoothed, ...").
    Rates and areas are 0..1; ``value`` is NaN where the metric is undefined. ``low`` and ``high``
    bound its confidence interval where one was computed.
    """

    name: str
    value: float
    protocol: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Setting:
    """What an evaluator may know beside scores and labels.

    ``protocol`` says how the scores were made, in words. ``threshold`` is the alarm level in the
    unit of the scores, from normal video alone; None where there is none, or where the protocol
    changes the unit. ``per_hour`` is how many false alarms an hour it was calibrated for, None
    where it was not. Of one alarm frames lie at most ``gaps`` apart, by video; 1 where missing.
    ``rates`` maps videos to frames a second; a video that is missing
    has no known rate. ``categories`` maps videos to the kind of anomaly they show, where a data
    set tells it.
    """

    protocol: str = "raw"
    threshold: float | None = None
    rates: Mapping[str, float] = field(default_factory=dict)
    categories: Mapping[str, str] = field(default_factory=dict)
    gaps: Mapping[str, int] = field(default_factory=dict)
    per_hour: float | None = None
