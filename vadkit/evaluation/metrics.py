"""A measured value with the protocol it was measured under."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """One number of an evaluation.

    ``name`` says what was measured ("micro-auc"), ``protocol`` how ("raw, unscored frames
    dropped"). Rates and areas are 0..1; ``value`` is NaN where the metric is undefined.
    """

    name: str
    value: float
    protocol: str
