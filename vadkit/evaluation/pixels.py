"""Metrics over pixels: each pixel a sample, and the 40% criterion that makes frames of them."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field
from sklearn.metrics import roc_auc_score

from vadkit.errors import DataError
from vadkit.evaluation.bootstrap import metric_intervals
from vadkit.evaluation.frame_auc import Kept, equal_error_rate, pooled
from vadkit.evaluation.frame_counts import check_videos
from vadkit.evaluation.metrics import Metric, Setting
from vadkit.evaluation.score_maps import (
    KEYS,
    Maps,
    Masks,
    chunked,
    frames_with_map,
    size_of,
    smoothing_words,
    value_keys,
)


class PixelAuc:
    """Where a score map is right: AUC over pixels, and over frames by the 40% criterion.

    - ``pixelwise-auc``: area under the ROC where every pixel of every frame is a sample. Values
      count as equal when they agree to one part in 2048.
    - ``pixel-criterion-auc``, ``pixel-criterion-eer``: area and equal error rate of the pixel-level
      ROC of Mahadevan et al., "Anomaly Detection in Crowded Scenes" (CVPR 2010), as Li et al.
      (TPAMI 2014) word it: at a threshold, an abnormal frame is found when at least ``share`` of
      its abnormal pixels are at or above it, and a normal frame is a false alarm when any pixel is.
      What is raised elsewhere in an abnormal frame does not count. Papers call this the
      pixel-level AUC.
    - ``pixels``, ``abnormal-pixels``, ``frames``: counts over frames that have a map.

    Maps are stretched to their masks bilinearly and smoothed by a Gaussian of ``sigma`` pixels of
    the mask, by default not at all; frames without a map (NaN) are dropped.
    """

    needs: ClassVar[str] = "masks"

    def __init__(
        self,
        *,
        share: Annotated[float, Field(gt=0, le=1)] = 0.4,
        sigma: Annotated[float, Field(ge=0)] = 0.0,
    ) -> None:
        self.share = share
        self.sigma = sigma

    def __call__(self, maps: Maps, masks: Masks, setting: Setting | None = None) -> list[Metric]:
        """Compare ``{video: (N, h, w) float}`` maps with ``{video: (N, H, W) bool}`` masks.

        Videos are taken one after another, so the mappings may load them when asked. Raises
        ``DataError`` when videos or lengths differ, a map is infinite or partly NaN, nothing has a
        map, or all pixels or all frames are of one class.
        """
        protocol = f"{(setting or Setting()).protocol}, {smoothing_words(self.sigma)}"
        protocol += f", criterion {self.share:.0%}"
        check_videos(maps, masks)
        # Rows: normal, abnormal.
        histogram = np.zeros((2, KEYS), np.int64)
        kept: Kept = {}
        for video in maps:
            mask = np.asarray(masks[video], dtype=bool)
            rows = frames_with_map(video, maps[video], len(mask), size_of(mask), self.sigma)
            truth: list[np.ndarray] = [np.empty(0, bool)]
            values: list[np.ndarray] = [np.empty(0)]
            for numbers, chunk in chunked(rows):
                own = mask[numbers]
                keys = value_keys(chunk) + KEYS * own
                histogram += np.bincount(keys.ravel(), minlength=2 * KEYS).reshape(2, KEYS)
                truth.append(np.asarray(own.any(axis=(1, 2))))
                values.append(criterion_scores(chunk, own, self.share))
            kept[video] = (np.concatenate(truth), np.concatenate(values))
        if not any(len(own) for own, _ in kept.values()):
            raise DataError("no frame has a score map to evaluate")
        frames, scores = pooled(kept)
        _check(frames, histogram)
        figures = {
            "pixelwise-auc": histogram_auc(*histogram),
            "pixel-criterion-auc": roc_auc_score(frames, scores),
            "pixel-criterion-eer": equal_error_rate(frames, scores),
            "pixels": histogram.sum(),
            "abnormal-pixels": histogram[1].sum(),
            "frames": len(frames),
        }
        bounds = metric_intervals(kept)
        intervals = {
            "pixel-criterion-auc": bounds["micro-auc"],
            "pixel-criterion-eer": bounds["eer"],
        }
        return [
            Metric(name, float(value), protocol, *intervals.get(name, (None, None)))
            for name, value in figures.items()
        ]


def criterion_scores(values: np.ndarray, masks: np.ndarray, share: float) -> np.ndarray:
    """The highest threshold at which each frame counts as detected, (n,), of maps (n, H, W).

    For an abnormal frame of p abnormal pixels that is its ceil(share * p)-th highest value within
    the mask, for a normal frame its highest value. The ROC of these scores is the criterion's.
    """
    scores: np.ndarray = values.max(axis=(1, 2)).astype(np.float64)
    for number in np.flatnonzero(masks.any(axis=(1, 2))):
        inside = values[number][masks[number]]
        # Less a hair: 0.07 of 100 pixels is 7, though the product is a little more.
        needed = max(1, math.ceil(share * len(inside) - 1e-9))
        scores[number] = np.partition(inside, len(inside) - needed)[len(inside) - needed]
    return scores


def histogram_auc(normal: np.ndarray, abnormal: np.ndarray) -> float:
    """AUC from counts of normal and abnormal samples by rising value; those in a bin tie."""
    below = np.cumsum(normal) - normal
    pairs = float(normal.sum()) * float(abnormal.sum())
    return float((abnormal * (below + normal / 2)).sum() / pairs)


def _check(frames: np.ndarray, histogram: np.ndarray) -> None:
    if frames.all() or not frames.any():
        kind = "some" if frames.all() else "no"
        raise DataError(
            f"all {len(frames)} frames with a score map have {kind} abnormal pixels; pixel AUC "
            "needs both normal and abnormal frames"
        )
    if not histogram[0].any():
        raise DataError("all pixels are abnormal; pixel AUC needs normal ones too")
