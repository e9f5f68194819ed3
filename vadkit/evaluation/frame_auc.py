"""Frame-level ROC and precision-recall metrics."""

from __future__ import annotations

import math

import numpy as np
from sklearn.metrics import (
    auc,
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from vadkit.errors import DataError
from vadkit.evaluation.frame_counts import check_frames, count_frames
from vadkit.evaluation.metrics import Metric, Setting

Kept = dict[str, tuple[np.ndarray, np.ndarray]]


class FrameAuc:
    """Frame-level AUC by every averaging, average precision and equal error rate.

    - ``micro-auc``: area under the ROC over the scored frames of all videos together.
    - ``macro-auc``: mean of the videos' own AUCs, over videos whose scored frames hold both
      classes; NaN when there is none.
    - ``padded-macro-auc``: mean over all videos, each with one normal frame of the set's lowest
      score and one abnormal frame of its highest added, as the code of AED-SSMTL does.
    - ``ap``: average precision, the sum of precision times the step in recall (scikit-learn's);
      ``ap-trapezoid``: the trapezoid area under the precision-recall curve, which some papers
      report under the same name. Both over all scored frames, abnormal frames positive.
    - ``eer``: the rate where false alarms equal misses, interpolated on the ROC.
    - ``frames``, ``abnormal``, ``unscored``, ``videos``, ``one-class-videos``: counts.

    Frames without a score (NaN) are dropped.
    """

    def __call__(
        self,
        scores: dict[str, np.ndarray],
        labels: dict[str, np.ndarray],
        setting: Setting | None = None,
    ) -> list[Metric]:
        """Compare ``{video: (N,) float}`` scores with ``{video: (N,) bool}`` labels.

        Raises ``DataError`` when videos or lengths differ, a score is infinite, nothing is scored,
        or all scored frames are of one class.
        """
        protocol = (setting or Setting()).protocol
        kept = scored_frames(scores, labels)
        counts = count_frames(scores, labels)
        truth, values = pooled(kept)
        of_videos = video_aucs(kept)
        precision, recall, _ = precision_recall_curve(truth, values)
        figures = {
            "micro-auc": roc_auc_score(truth, values),
            "macro-auc": np.mean(list(of_videos.values())) if of_videos else math.nan,
            "padded-macro-auc": np.mean(list(padded_aucs(kept).values())),
            "ap": average_precision_score(truth, values),
            "ap-trapezoid": auc(recall, precision),
            "eer": equal_error_rate(truth, values),
            "frames": counts.frames,
            "abnormal": counts.abnormal,
            "unscored": counts.unscored,
            "videos": counts.videos,
            "one-class-videos": counts.one_class_videos,
        }
        return [Metric(name, float(value), protocol) for name, value in figures.items()]


def scored_frames(scores: dict[str, np.ndarray], labels: dict[str, np.ndarray]) -> Kept:
    """Labels (n,) bool and scores (n,) of each video's scored frames.

    Raises ``DataError`` for what cannot be evaluated, as ``FrameAuc`` does.
    """
    check_frames(scores, labels)
    kept = {}
    for video, values in scores.items():
        keep = ~np.isnan(values)
        kept[video] = (np.asarray(labels[video], dtype=bool)[keep], values[keep])
    if not any(len(truth) for truth, _ in kept.values()):
        raise DataError(f"no frame of the {len(scores)} video(s) has a score to evaluate")
    truth, _ = pooled(kept)
    if truth.all() or not truth.any():
        kind = "abnormal" if truth.all() else "normal"
        raise DataError(
            f"all {len(truth)} scored frames are labelled {kind}; AUC, AP and EER need both "
            "normal and abnormal frames"
        )
    return kept


def pooled(kept: Kept) -> tuple[np.ndarray, np.ndarray]:
    """Labels and scores of all videos in one row each."""
    return (
        np.concatenate([truth for truth, _ in kept.values()]),
        np.concatenate([values for _, values in kept.values()]),
    )


def video_aucs(kept: Kept) -> dict[str, float]:
    """AUC by video, of the videos of two classes."""
    return {
        video: float(roc_auc_score(truth, values))
        for video, (truth, values) in kept.items()
        if 0 < truth.sum() < len(truth)
    }


def padded_aucs(kept: Kept) -> dict[str, float]:
    """AUC of every video that has a score, with a normal and an abnormal frame added to each."""
    _, values = pooled(kept)
    low, high = values.min(), values.max()
    return {
        video: float(roc_auc_score(np.r_[False, truth, True], np.r_[low, own, high]))
        for video, (truth, own) in kept.items()
        if len(truth)
    }


def equal_error_rate(truth: np.ndarray, values: np.ndarray) -> float:
    """The false-positive rate where it equals the miss rate, on the straight-line ROC; 0..1.

    ``truth`` is (N,) bool of both classes, ``values`` (N,) finite scores.
    """
    false_positive, true_positive, _ = roc_curve(truth, values)
    # Each step of the ROC raises one rate or both, so this rises strictly from -1 to 1.
    return float(np.interp(0.0, false_positive + true_positive - 1, false_positive))
