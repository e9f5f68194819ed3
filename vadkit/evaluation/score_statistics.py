"""Statistics of the scores of normal and abnormal frames."""

from __future__ import annotations

import math

import numpy as np

from vadkit.evaluation.frame_counts import check_frames
from vadkit.evaluation.metrics import Metric, Setting


class ScoreStatistics:
    """Mean scores of normal and abnormal frames, their deviations, and the gap of the means.

    In the unit of the scores, over the scored frames of all videos pooled. For a method that scores
    by negative PSNR, these are decibels (Liu et al., CVPR 2018, report such a gap). The names are
    ``normal-mean``, ``normal-std``, ``abnormal-mean``, ``abnormal-std`` and ``gap`` = abnormal -
    normal; NaN if a class has no frames.
    """

    def __call__(
        self,
        scores: dict[str, np.ndarray],
        labels: dict[str, np.ndarray],
        setting: Setting | None = None,
    ) -> list[Metric]:
        """Describe ``{video: (N,) float}`` scores by ``{video: (N,) bool}`` labels.

        Raises ``DataError`` if videos or lengths differ, or if a score is infinite.
        """
        check_frames(scores, labels)
        values = np.concatenate([scores[video] for video in labels])
        truth = np.concatenate([np.asarray(one, dtype=bool) for one in labels.values()])
        scored = ~np.isnan(values)
        protocol = (setting or Setting()).protocol
        metrics, means = [], []
        for name, of_class in (("normal", ~truth), ("abnormal", truth)):
            found = values[scored & of_class]
            means.append(float(found.mean()) if len(found) else math.nan)
            deviation = float(found.std()) if len(found) else math.nan
            metrics.append(Metric(f"{name}-mean", means[-1], protocol))
            metrics.append(Metric(f"{name}-std", deviation, protocol))
        return [*metrics, Metric("gap", means[1] - means[0], protocol)]


def mean_of_highest(values: np.ndarray, count: int) -> float:
    """Return the mean of the ``count`` highest of values (n,), n > 0; of at least one."""
    count = max(1, count)
    return float(np.partition(values, -count)[-count:].mean())
