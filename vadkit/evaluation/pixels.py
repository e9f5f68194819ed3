"""Pixel metrics: each pixel as a sample, and frames by the 40% criterion."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

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
    maps_protocol,
    size_of,
    smoothing_words,
    value_keys,
)


class PixelAuc:
    """Pixel-level AUC of score maps: over single pixels, and over frames by the 40% criterion.

    - ``pixelwise-auc``: area under the ROC curve with every pixel of every frame as a sample.
      Values count as equal if they agree to one part in 2048.
    - ``pixel-criterion-auc``, ``pixel-criterion-eer``: area and equal error rate of the pixel-level
      ROC curve of Mahadevan et al., "Anomaly Detection in Crowded Scenes" (CVPR 2010), as defined
      by Li et al. (TPAMI 2014). At a threshold, an abnormal frame is found if at least ``share`` of
      its abnormal pixels are at or above it; a normal frame is a false alarm if any pixel is. False
      detections in abnormal frames do not count. Papers call this the pixel-level AUC.
    - ``pixels``, ``abnormal-pixels``, ``frames``: counts over frames that have a map.

    Maps are resized bilinearly to their masks and smoothed by a Gaussian with ``sigma`` in mask
    pixels (default: not smoothed). Frames without a map (NaN) are dropped.
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

        Videos are processed one after another, so the mappings may load them on access. Raises
        ``DataError`` if videos or lengths differ, a map is infinite or partly NaN, no frame has a
        map, or all pixels or all frames have one class.
        """
        from sklearn.metrics import roc_auc_score

        protocol = maps_protocol(
            setting, smoothing_words(self.sigma), f"criterion {self.share:.0%}"
        )
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
    """Return the highest threshold that detects each frame, (n,), for maps (n, H, W).

    For an abnormal frame with p abnormal pixels, it is the ceil(share * p)-th highest value inside
    the mask; for a normal frame, the highest value. The ROC curve of these scores is that of the
    criterion.
    """
    scores: np.ndarray = values.max(axis=(1, 2)).astype(np.float64)
    for number in np.flatnonzero(masks.any(axis=(1, 2))):
        inside = values[number][masks[number]]
        # Slightly less: 0.07 of 100 pixels is 7, but the floating-point product is slightly more.
        needed = max(1, math.ceil(share * len(inside) - 1e-9))
        scores[number] = np.partition(inside, len(inside) - needed)[len(inside) - needed]
    return scores


def histogram_auc(normal: np.ndarray, abnormal: np.ndarray) -> float:
    """Return the AUC from counts of normal and abnormal samples in bins of increasing values."""
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
        raise DataError("all pixels are abnormal; pixel AUC also needs normal ones")
