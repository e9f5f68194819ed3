"""RBDC and TBDC from scored boxes, as papers on objects compute them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from vadkit.errors import DataError
from vadkit.evaluation.bootstrap import Statistic
from vadkit.evaluation.regions import Truth


class DetectionLevels(NamedTuple):
    """What the detections of one video find, as the highest scores at which they find it.

    ``false`` (f,) are the scores of detections that meet no abnormal region; ``regions`` (r,) and
    ``tracks`` (t,) the highest thresholds at which each abnormal region and track is found, -inf
    for one that no detection finds. ``frames`` is the number of frames of the video.
    """

    false: np.ndarray
    regions: np.ndarray
    tracks: np.ndarray
    frames: int


def find_levels(
    detections: np.ndarray, truth: Truth, frames: int, *, alpha: float, beta: float
) -> DetectionLevels:
    """Compare the detections (n, 6) of one video with its abnormal regions.

    A row is frame, x1, y1, x2, y2, score. A detection finds every region of its frame with an
    intersection over union of at least ``beta``; one that finds none is false, however often the
    region was found before. A track is found with at least a share ``alpha`` of its regions.
    """
    false = np.ones(len(detections), bool)
    regions = np.full(len(truth.frame), -np.inf)
    for frame in np.unique(truth.frame):
        own = np.flatnonzero(truth.frame == frame)
        (here,) = np.nonzero(detections[:, 0] == frame)
        if not len(here):
            continue
        # Slightly less, for the same reason as in ``find_regions``.
        met = _overlaps(detections[here, 1:5], truth.xyxy[own]) >= beta - 1e-12
        false[here] = ~met.any(axis=1)
        regions[own] = np.where(met, detections[here, 5:6], -np.inf).max(axis=0)
    tracks = [
        _track_level(regions[truth.track == number], alpha) for number in np.unique(truth.track)
    ]
    return DetectionLevels(detections[false, 5], regions, np.array(tracks), frames)


def level_areas(found: Mapping[str, DetectionLevels]) -> dict[str, Statistic]:
    """Return ``rbdc`` and ``tbdc`` over all videos as statistics, for repeated videos."""
    each = list(found.values())
    false, of_false = _joined([one.false for one in each])
    frames = np.array([one.frames for one in each])

    def area_of(levels: list[np.ndarray]) -> Statistic:
        joined, video = _joined(levels)
        totals = np.array([len(one) for one in levels])
        reached = np.isfinite(joined)
        scores = np.concatenate([false, joined[reached]])
        owner = np.concatenate([of_false, video[reached]])
        is_false = np.arange(len(scores)) < len(false)
        order = np.argsort(-scores, kind="stable")
        # Detections of one score are one point of the curve.
        ends = np.flatnonzero(np.diff(scores[order], append=-np.inf))
        owner, is_false = owner[order], is_false[order]

        def statistic(counts: np.ndarray) -> float:
            if not counts @ totals:
                return math.nan
            weights = counts[owner]
            rates = np.cumsum(weights * is_false)[ends] / (counts @ frames)
            shares = np.cumsum(weights * ~is_false)[ends] / (counts @ totals)
            return _area(rates, shares)

        return statistic

    return {
        "rbdc": area_of([one.regions for one in each]),
        "tbdc": area_of([one.tracks for one in each]),
    }


def check_frames(detections: np.ndarray, truth: Truth, frames: int, video: str) -> None:
    """Raise ``DataError`` if detections or abnormal regions lie after the last frame."""
    for what, numbers in (("detections", detections[:, 0]), ("abnormal regions", truth.frame)):
        if len(numbers) and numbers.max() >= frames:
            raise DataError(
                f"video '{video}' has {frames} frames, but {what} in frame {numbers.max():.0f}; "
                "frames count from 0, so they are probably of another version of the video"
            )


def _area(rates: np.ndarray, shares: np.ndarray) -> float:
    """Return the area from 0 to 1 false regions per frame; level after the last point within."""
    within = int(np.searchsorted(rates, 1, side="right"))
    x, y = np.r_[0.0, rates[:within], 1.0], np.r_[0.0, shares[:within]]
    y = np.r_[y, y[-1]]
    return float(np.diff(x) @ (y[1:] + y[:-1]) / 2)


def _overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return intersections over unions (n, m) of boxes (n, 4), (m, 4) with inclusive corners."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.clip(high - low + 1, 0, None).prod(axis=2)
    # A box that ends before its start is empty.
    areas = [
        np.clip(boxes[:, 2:] - boxes[:, :2] + 1, 0, None).prod(axis=1) for boxes in (first, second)
    ]
    union = areas[0][:, None] + areas[1][None] - shared
    found: np.ndarray = shared / np.maximum(union, 1e-9)
    return found


def _track_level(levels: np.ndarray, alpha: float) -> float:
    needed = max(1, math.ceil(alpha * len(levels) - 1e-9))
    return float(np.sort(levels)[-needed])


def _joined(values: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return all values, and the number of the video of each."""
    counts = [len(one) for one in values]
    return np.concatenate(values), np.repeat(np.arange(len(values)), counts)
