"""A metric with its protocol, and the setting that evaluators get."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np


class Interval(NamedTuple):
    """The bounds of a 95% interval; NaN if resampling gives no information."""

    low: float
    high: float


@dataclass(frozen=True)
class ProtocolSummary:
    """A protocol for readers: its short name, and a description of how it measures.

    As text it is "name: description".
    """

    name: str
    description: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.description}" if self.description else self.name


@dataclass(frozen=True)
class Metric:
    """One number of an evaluation.

    ``measure`` is what was measured ("micro-auc"). ``category`` is the kind of anomaly that it is
    about, ``rate`` the allowed false alarms per hour, ``strength`` that of a pseudo-anomaly; None
    if the metric is not limited to one. ``protocol`` describes how it was measured; text is taken
    as the name of a protocol. Rates and areas are 0..1; ``value`` is NaN if the metric is
    undefined. ``low`` and ``high`` are the bounds of its confidence interval, if one was computed.
    """

    measure: str
    value: float
    protocol: ProtocolSummary
    low: float | None = None
    high: float | None = None
    category: str | None = None
    rate: float | None = None
    strength: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "protocol", _summary(self.protocol))

    @property
    def name(self) -> str:
        """The name, unique under one protocol: "micro-auc", "auc[Arson]", "tpr@10/h"."""
        return metric_name(
            self.measure, category=self.category, rate=self.rate, strength=self.strength
        )

    @property
    def interval(self) -> Interval | None:
        """The confidence interval; None if there is none, or if it gives no information."""
        if self.low is None or self.high is None or math.isnan(self.low):
            return None
        return Interval(self.low, self.high)

    def as_data(self) -> dict[str, Any]:
        """Return JSON-like data; an undefined value is null.

        ``low`` and ``high`` exist only with an ``interval``. They, ``name`` and ``protocol`` are
        what earlier versions wrote.
        """
        bounds = self.interval
        return {
            "name": self.name,
            "value": None if math.isnan(self.value) else self.value,
            "protocol": str(self.protocol),
            **({} if bounds is None else bounds._asdict()),
            "interval": None if bounds is None else list(bounds),
            "measure": self.measure,
            "category": self.category,
            "rate": self.rate,
            "strength": self.strength,
            "protocol_name": self.protocol.name,
        }


def metric_name(
    measure: str,
    *,
    category: str | None = None,
    rate: float | None = None,
    strength: float | None = None,
) -> str:
    """Return the name of a metric from its parts: "pseudo-auc[pace@2]", "tpr@10/h"."""
    name = measure
    if category is not None:
        name += f"[{category}]" if strength is None else f"[{category}@{strength:g}]"
    return name if rate is None else f"{name}@{rate:g}/h"


class TrueEvent(NamedTuple):
    """An event of the labels: abnormal frames [start, stop) and the kind of anomaly."""

    start: int
    stop: int
    kind: str


@dataclass(frozen=True)
class Setting:
    """What an evaluator gets in addition to scores and labels.

    ``protocol`` describes how the scores were made; text is taken as the name of a protocol.
    ``threshold`` is the alarm threshold in the unit of the scores, from normal video only; None if
    there is none, or if the protocol changes the unit. ``per_hour`` is the rate of false alarms per
    hour that it was calibrated for, None if it was not. ``gaps`` is, by video, the largest distance
    in frames between frames of one alarm; the default is 1. ``inside`` says, by video, which frames
    (N,) lie inside an alarm of the alarm rules, and ``alarm_time`` is the share of normal time
    inside alarms that the threshold was calibrated for. ``rates`` maps videos to frames per
    second; a missing video has no known rate. ``categories`` maps videos to kinds of anomaly, if
    the dataset has them. ``events`` has the events of a video with their kinds, where the labels
    state them, and ``kind_scores`` raw scores (N,) by kind of anomaly and video, where a method has
    them.
    """

    protocol: ProtocolSummary = ProtocolSummary("raw")
    threshold: float | None = None
    rates: Mapping[str, float] = field(default_factory=dict)
    categories: Mapping[str, str] = field(default_factory=dict)
    gaps: Mapping[str, int] = field(default_factory=dict)
    per_hour: float | None = None
    alarm_time: float | None = None
    inside: Mapping[str, np.ndarray] = field(default_factory=dict)
    events: Mapping[str, Sequence[TrueEvent]] = field(default_factory=dict)
    kind_scores: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "protocol", _summary(self.protocol))


def _summary(protocol: ProtocolSummary | str) -> ProtocolSummary:
    return ProtocolSummary(protocol) if isinstance(protocol, str) else protocol
