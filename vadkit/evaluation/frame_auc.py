"""Frame-level ROC and precision-recall metrics."""

from __future__ import annotations

import math

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from vadkit.errors import DataError
from vadkit.evaluation.frame_counts import check_frames, count_frames
from vadkit.evaluation.metrics import Metric


class FrameAuc:
    """Frame-level AUC (micro and macro), average precision and equal error rate.

    - ``micro-auc``: area under the ROC over the scored frames of all videos together.
    - ``macro-auc``: mean of the videos' own AUCs, over videos whose scored frames hold both
      classes; NaN when there is none. No video is padded to make it two-class.
    - ``ap``: average precision, the sum of precision times the step in recall (scikit-learn's),
      not the trapezoid area; over all scored frames together, abnormal frames positive.
    - ``eer``: the rate where false alarms equal misses, interpolated on the ROC.
    - ``frames``, ``abnormal``, ``unscored``, ``videos``, ``one-class-videos``: counts.

    Frames without a score (NaN) are dropped, and the protocol says so.
    """

    def __call__(
        self,
        scores: dict[str, np.ndarray],
        labels: dict[str, np.ndarray],
        protocol: str = "raw",
    ) -> list[Metric]:
        """Compare ``{video: (N,) float}`` scores with ``{video: (N,) bool}`` labels.

        ``protocol`` names how the scores were made ("raw", "gaussian(sigma=3)"). Raises
        ``DataError`` when videos or lengths differ, a score is infinite, nothing is scored, or
        all scored frames are of one class.
        """
        check_frames(scores, labels)
        counts = count_frames(scores, labels)
        scored = {video: ~np.isnan(values) for video, values in scores.items()}
        kept = [
            (np.asarray(labels[video], dtype=bool)[keep], scores[video][keep])
            for video, keep in scored.items()
        ]
        if not any(len(truth) for truth, _ in kept):
            raise DataError(f"no frame of the {counts.videos} video(s) has a score to evaluate")
        truth = np.concatenate([truth for truth, _ in kept])
        values = np.concatenate([values for _, values in kept])
        if truth.all() or not truth.any():
            kind = "abnormal" if truth.all() else "normal"
            raise DataError(
                f"all {len(truth)} scored frames are labelled {kind}; AUC, AP and EER need both "
                "normal and abnormal frames"
            )
        of_videos = [roc_auc_score(*one) for one in kept if 0 < one[0].sum() < len(one[0])]
        dropped = f"{protocol}, unscored frames dropped"
        two_class = f"{dropped}, one-class videos left out"
        return [
            Metric("micro-auc", float(roc_auc_score(truth, values)), dropped),
            Metric("macro-auc", float(np.mean(of_videos)) if of_videos else math.nan, two_class),
            Metric("ap", float(average_precision_score(truth, values)), dropped),
            Metric("eer", equal_error_rate(truth, values), dropped),
            Metric("frames", counts.frames, dropped),
            Metric("abnormal", counts.abnormal, dropped),
            Metric("unscored", counts.unscored, dropped),
            Metric("videos", counts.videos, dropped),
            Metric("one-class-videos", counts.one_class_videos, dropped),
        ]


def equal_error_rate(truth: np.ndarray, values: np.ndarray) -> float:
    """The false-positive rate where it equals the miss rate, on the straight-line ROC; 0..1.

    ``truth`` is (N,) bool of both classes, ``values`` (N,) finite scores.
    """
    false_positive, true_positive, _ = roc_curve(truth, values)
    # Each step of the ROC raises one rate or both, so this rises strictly from -1 to 1.
    return float(np.interp(0.0, false_positive + true_positive - 1, false_positive))
