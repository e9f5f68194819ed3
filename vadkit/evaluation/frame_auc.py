"""Frame-level ROC and precision-recall metrics."""

from __future__ import annotations

import math

import numpy as np

from vadkit.errors import DataError
from vadkit.evaluation.frame_counts import check_frames, count_frames
from vadkit.evaluation.metrics import Metric, Setting

Kept = dict[str, tuple[np.ndarray, np.ndarray]]


class FrameAuc:
    """Frame-level AUC with every averaging, average precision and equal error rate.

    - ``micro-auc``: area under the ROC curve over the scored frames of all videos pooled.
    - ``macro-auc``: mean of the AUCs of the videos whose scored frames have both classes; NaN if
      there is none.
    - ``padded-macro-auc``: mean over all videos, after adding to each a normal frame with the
      lowest score of the set and an abnormal frame with the highest, as in the code of AED-SSMTL.
    - ``ap``: average precision, the sum of precision times the step in recall (as in scikit-learn).
      ``ap-trapezoid``: the trapezoid area under the precision-recall curve, which some papers
      report under the same name. Both are over all scored frames; abnormal frames are positive.
    - ``eer``: equal error rate, interpolated on the ROC curve.
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

        Raises ``DataError`` if videos or lengths differ, a score is infinite, nothing is scored, or
        all scored frames have one class.
        """
        from sklearn.metrics import (
            auc,
            average_precision_score,
            precision_recall_curve,
            roc_auc_score,
        )

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
    """Return labels (n,) bool and scores (n,) of each video's scored frames.

    Raises ``DataError`` if they cannot be evaluated, like ``FrameAuc``.
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
    """Concatenate the labels and the scores of all videos."""
    return (
        np.concatenate([truth for truth, _ in kept.values()]),
        np.concatenate([values for _, values in kept.values()]),
    )


def video_aucs(kept: Kept) -> dict[str, float]:
    """Return the AUC by video, for videos with two classes."""
    from sklearn.metrics import roc_auc_score

    return {
        video: float(roc_auc_score(truth, values))
        for video, (truth, values) in kept.items()
        if 0 < truth.sum() < len(truth)
    }


def padded_aucs(kept: Kept) -> dict[str, float]:
    """Return the AUC of every video with a score, after adding a normal and an abnormal frame."""
    from sklearn.metrics import roc_auc_score

    _, values = pooled(kept)
    low, high = values.min(), values.max()
    return {
        video: float(roc_auc_score(np.r_[False, truth, True], np.r_[low, own, high]))
        for video, (truth, own) in kept.items()
        if len(truth)
    }


def equal_error_rate(truth: np.ndarray, values: np.ndarray) -> float:
    """Return the rate, 0..1, at which the false-positive rate equals the miss rate.

    ``truth`` is (N,) bool with both classes, ``values`` (N,) finite scores. The ROC curve is
    interpolated linearly.
    """
    from sklearn.metrics import roc_curve

    false_positive, true_positive, _ = roc_curve(truth, values)
    # Each step of the ROC increases one rate or both, so this increases strictly from -1 to 1.
    return float(np.interp(0.0, false_positive + true_positive - 1, false_positive))
