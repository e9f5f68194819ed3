"""Metrics over whole videos, and frame AUC on abnormal videos alone."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from vadkit.evaluation.frame_auc import pooled, scored_frames
from vadkit.evaluation.metrics import Metric, Setting
from vadkit.evaluation.score_statistics import mean_of_highest


class VideoAuc:
    """AUC and average precision over videos, and micro AUC on abnormal videos alone.

    A video is abnormal if any of its frames is. Its score is the highest score of its frames, or
    with ``top`` the mean of this share of its frames with the highest scores, at least one frame.

    - ``video-auc``, ``video-ap``: ROC AUC and average precision, one score a video; nothing if all
      videos are of one class.
    - ``abnormal-auc``: micro AUC over the frames of abnormal videos only (Ano-AUC in papers). The
      normal frames of normal videos, often the easy ones, do not count.
    - ``normal-videos``: the number of videos without an abnormal frame.

    Frames without a score are dropped, and so are videos without any.
    """

    def __init__(self, *, top: Annotated[float, Field(gt=0, le=1)] | None = None) -> None:
        self.top = top

    def __call__(
        self,
        scores: dict[str, np.ndarray],
        labels: dict[str, np.ndarray],
        setting: Setting | None = None,
    ) -> list[Metric]:
        """See ``FrameAuc`` for the arguments and the errors."""
        from sklearn.metrics import average_precision_score, roc_auc_score

        protocol = (setting or Setting()).protocol
        kept = {video: one for video, one in scored_frames(scores, labels).items() if len(one[0])}
        abnormal = np.array([bool(np.any(labels[video])) for video in kept])
        figures = {}
        if abnormal.any() and not abnormal.all():
            own = np.array([self.score_of(values) for _, values in kept.values()])
            figures["video-auc"] = roc_auc_score(abnormal, own)
            figures["video-ap"] = average_precision_score(abnormal, own)
            truth, values = pooled(
                {video: kept[video] for video, is_one in zip(kept, abnormal, strict=True) if is_one}
            )
            if truth.any() and not truth.all():
                figures["abnormal-auc"] = roc_auc_score(truth, values)
        figures["normal-videos"] = int(np.count_nonzero(~abnormal))
        return [Metric(name, float(value), protocol) for name, value in figures.items()]

    def score_of(self, values: np.ndarray) -> float:
        """Return the score of a video from the scores (n,) of its frames, n > 0."""
        if self.top is None:
            return float(values.max())
        return mean_of_highest(values, round(self.top * len(values)))
