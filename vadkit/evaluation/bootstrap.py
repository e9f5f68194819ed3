"""Confidence intervals over videos, and of the difference between two sets of scores.

Frames of a video depend on each other, so whole videos are drawn with replacement, not frames; the
drawing and the percentile interval are SciPy's.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import bootstrap

from vadkit.evaluation.frame_auc import Kept, pooled, video_aucs

RESAMPLES = 1000
CONFIDENCE = 0.95

# Statistic of how often each video was drawn, (V,) counts.
_Statistic = Callable[[np.ndarray], float]


class Interval(NamedTuple):
    """The 95% interval; NaN where there are fewer than two videos."""

    low: float
    high: float


class Difference(NamedTuple):
    """A difference, its 95% interval, and the share of draws in which it is above 0 (ties half)."""

    value: float
    low: float
    high: float
    better: float


def metric_intervals(kept: Kept) -> dict[str, Interval]:
    """Intervals of ``micro-auc``, ``macro-auc`` and ``ap``; see ``frame_auc`` for ``kept``."""
    statistics = {"micro-auc": micro_auc_of(kept), "macro-auc": macro_auc_of(kept)}
    statistics["ap"] = average_precision_of(kept)
    return {name: interval(statistic, len(kept)) for name, statistic in statistics.items()}


def difference(first: Kept, second: Kept) -> Difference:
    """Micro AUC of ``second`` minus that of ``first``, over the same videos drawn for both.

    Both hold the same videos in the same order with the same frames.
    """
    of_first, of_second = micro_auc_of(first), micro_auc_of(second)

    def statistic(counts: np.ndarray) -> float:
        return of_second(counts) - of_first(counts)

    drawn = resample(statistic, len(first))
    once = np.ones(len(first))
    if not len(drawn):
        return Difference(statistic(once), math.nan, math.nan, math.nan)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail]).tolist()
    better = float(np.mean(drawn > 0) + np.mean(drawn == 0) / 2)
    return Difference(statistic(once), low, high, better)


def interval(statistic: _Statistic, videos: int) -> Interval:
    """The interval of a statistic over ``videos`` that are drawn with replacement.

    Draws that leave the statistic undefined (one class only) are left out.
    """
    drawn = resample(statistic, videos)
    if not len(drawn):
        return Interval(math.nan, math.nan)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail]).tolist()
    return Interval(low, high)


def resample(statistic: _Statistic, videos: int) -> np.ndarray:
    """The statistic's values over resampled videos, without those that are undefined."""
    if videos < 2:
        return np.empty(0)
    with warnings.catch_warnings():
        # SciPy warns of undefined draws, which are left out here.
        warnings.simplefilter("ignore")
        result = bootstrap(
            (np.arange(videos),),
            lambda drawn: statistic(np.bincount(drawn, minlength=videos).astype(np.float64)),
            n_resamples=RESAMPLES,
            vectorized=False,
            method="percentile",
            rng=np.random.default_rng(0),
        )
    values = np.asarray(result.bootstrap_distribution)
    return values[~np.isnan(values)]


def micro_auc_of(kept: Kept) -> _Statistic:
    """Micro AUC when videos count several times: the scores are sorted once, not at every draw."""
    sums = _class_sums(kept)

    def statistic(counts: np.ndarray) -> float:
        abnormal, normal = sums(counts)
        pairs = abnormal.sum() * normal.sum()
        if not pairs:
            return math.nan
        # From the highest score down: pairs in order, and half of those that tie.
        above = np.cumsum(abnormal) - abnormal
        return float((normal * (above + abnormal / 2)).sum() / pairs)

    return statistic


def average_precision_of(kept: Kept) -> _Statistic:
    """Average precision when videos count several times."""
    sums = _class_sums(kept)

    def statistic(counts: np.ndarray) -> float:
        abnormal, normal = sums(counts)
        if not abnormal.sum():
            return math.nan
        found = np.cumsum(abnormal)
        raised = found + np.cumsum(normal)
        precision = np.divide(found, raised, out=np.zeros_like(found), where=raised > 0)
        return float((precision * abnormal).sum() / abnormal.sum())

    return statistic


def macro_auc_of(kept: Kept) -> _Statistic:
    """Mean AUC of the drawn videos of two classes."""
    own = video_aucs(kept)
    areas = np.array([own.get(video, 0.0) for video in kept])
    defined = np.array([video in own for video in kept], dtype=np.float64)

    def statistic(counts: np.ndarray) -> float:
        drawn = counts * defined
        return float((drawn * areas).sum() / drawn.sum()) if drawn.sum() else math.nan

    return statistic


def _class_sums(kept: Kept) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """From counts a video to weights of abnormal and normal frames by score, highest first."""
    truth, values = pooled(kept)
    video = np.repeat(np.arange(len(kept)), [len(own) for own, _ in kept.values()])
    levels, place = np.unique(-values, return_inverse=True)

    def sums(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        weights = counts[video]
        of_class = (np.where(truth, weights, 0.0), np.where(truth, 0.0, weights))
        abnormal, normal = (np.bincount(place, one, len(levels)) for one in of_class)
        return abnormal, normal

    return sums
