"""Remarks about scores and their metrics that the reader of an evaluation should know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from vadkit.evaluation.metrics import Metric


def score_notes(scores: Mapping[str, np.ndarray], metrics: Sequence[Metric]) -> list[str]:
    """Return all remarks about scores (N,) by video and the metrics of their first protocol."""
    return [*unscored_notes(scores), *upside_down_notes(metrics), *truth_notes(scores)]


def unscored_notes(scores: Mapping[str, np.ndarray]) -> list[str]:
    """Return notes on videos (N,) without any score, which protocols leave out."""
    bare = [video for video, values in scores.items() if np.isnan(values).all()]
    return [f"No frame has a score in: {', '.join(bare)}."] if bare else []


def truth_notes(scores: Mapping[str, np.ndarray]) -> list[str]:
    """Return a remark if scores (N,) have the length of one of several truths of a data set."""
    from vadkit.data.labels.variants import truth_note

    note = truth_note(sum(len(values) for values in scores.values()))
    return [note] if note else []


def upside_down_notes(metrics: Sequence[Metric]) -> list[str]:
    """Return a hint if the first AUC is clearly below chance, so that something is upside down.

    That is below 0.4 with an interval below 0.5, or below 0.3 without an interval.
    """
    for metric in metrics:
        if metric.name == "micro-auc":
            bounds = metric.interval
            clear = metric.value < 0.4 and bounds.high < 0.5 if bounds else metric.value < 0.3
            if clear:
                return [
                    f"The micro AUC of {metric.value:.4f} is far below 0.5, the value of chance. "
                    "Are scores or labels upside down? A higher score must mean more abnormal, "
                    f"and label 1 abnormal; with the opposite sign it would be "
                    f"{1 - metric.value:.4f}."
                ]
    return []
