"""Mean and deviation of a metric over runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Spread(NamedTuple):
    """Mean and sample standard deviation over runs; the deviation of one run is NaN."""

    mean: float
    deviation: float


def spread(values: Sequence[float]) -> Spread:
    """Return the mean and the sample standard deviation of one value per run."""
    deviation = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
    return Spread(float(np.mean(values)), deviation)
