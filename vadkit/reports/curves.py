"""Points of the curves in a report: ROC, precision and recall, histograms."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

# More points are not visible on a screen or in a column of a paper.
MOST_POINTS = 400


class Curve(NamedTuple):
    """Points (n,) of a curve in the unit square, and the area that is reported with it."""

    x: np.ndarray
    y: np.ndarray
    area: float


class Histogram(NamedTuple):
    """Shares of normal and of abnormal frames (bins,) between edges (bins + 1,); each sums to 1."""

    edges: np.ndarray
    normal: np.ndarray
    abnormal: np.ndarray


def pool(
    scores: dict[str, np.ndarray], labels: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return labels (n,) bool and scores (n,) of the scored frames of all videos."""
    values = np.concatenate([scores[video] for video in scores] or [np.empty(0)])
    truth = np.concatenate([labels[video] for video in scores] or [np.empty(0)]).astype(bool)
    scored = ~np.isnan(values)
    return truth[scored], values[scored]


def has_both_classes(truth: np.ndarray) -> bool:
    """Whether curves of these labels are defined."""
    return bool(truth.any() and not truth.all())


def roc(truth: np.ndarray, values: np.ndarray) -> Curve:
    """Return false-positive rate, true-positive rate, and AUC over all frames."""
    x, y, _ = roc_curve(truth, values)
    return Curve(*_thinned(x, y), float(roc_auc_score(truth, values)))


def precision_recall(truth: np.ndarray, values: np.ndarray) -> Curve:
    """Return recall, precision, and average precision (scikit-learn's sum, not the trapezoid)."""
    precision, recall, _ = precision_recall_curve(truth, values)
    # From recall 0 on; the last point is not an operating point but closes the curve.
    points = _thinned(recall[::-1], precision[::-1])
    return Curve(*points, float(average_precision_score(truth, values)))


def video_aucs(
    scores: dict[str, np.ndarray], labels: dict[str, np.ndarray]
) -> dict[str, float | None]:
    """Return the AUC of each video over its scored frames; None if they have one class."""
    aucs: dict[str, float | None] = {}
    for video in scores:
        truth, values = pool({video: scores[video]}, labels)
        aucs[video] = float(roc_auc_score(truth, values)) if has_both_classes(truth) else None
    return aucs


def histogram(truth: np.ndarray, values: np.ndarray, bins: int = 50) -> Histogram:
    """Return a histogram of normal and abnormal scores, with equal bins from lowest to highest."""
    edges = np.histogram_bin_edges(values, bins) if values.size else np.array([0.0, 1.0])
    counts = [np.histogram(values[of_class], edges)[0] for of_class in (~truth, truth)]
    normal, abnormal = (count / max(count.sum(), 1) for count in counts)
    return Histogram(edges, normal, abnormal)


def _thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Keep at most ``MOST_POINTS`` points, evenly along the curve, with both ends."""
    if len(x) <= MOST_POINTS:
        return x, y
    along = np.r_[0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))]
    kept = np.unique(np.searchsorted(along, np.linspace(0, along[-1], MOST_POINTS)))
    kept = np.unique(np.r_[0, np.minimum(kept, len(x) - 1), len(x) - 1])
    return x[kept], y[kept]
