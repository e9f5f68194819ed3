"""Confidence intervals over videos, and of the difference between two sets of scores.

Frames of a video depend on each other, so whole videos are drawn with replacement, not frames; the
drawing and the percentile interval are SciPy's.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from scipy.stats import bootstrap

from vadkit.evaluation.frame_auc import Kept, padded_aucs, pooled, video_aucs

RESAMPLES = 1000
CONFIDENCE = 0.95

# A figure as a function of how often each video was drawn, (V,) counts.
Statistic = Callable[[np.ndarray], float]


class Interval(NamedTuple):
    """The 95% interval; NaN where drawing other videos says nothing, see ``interval``."""

    low: float
    high: float


class Difference(NamedTuple):
    """A difference, its 95% interval, and the share of draws in which it is above 0 (ties half)."""

    value: float
    low: float
    high: float
    better: float


def metric_intervals(kept: Kept) -> dict[str, Interval]:
    """Intervals of the AUCs, ``ap`` and ``eer``; see ``frame_auc`` for ``kept``."""
    return {name: interval(of(kept), len(kept)) for name, of in STATISTICS.items()}


def difference(first: Kept, second: Kept, metric: str = "micro-auc") -> Difference:
    """A metric of ``second`` minus that of ``first``, over the same videos drawn for both.

    Both hold the same videos in the same order with the same frames; ``metric`` is of
    ``STATISTICS``.
    """
    of_first, of_second = STATISTICS[metric](first), STATISTICS[metric](second)

    def statistic(counts: np.ndarray) -> float:
        return of_second(counts) - of_first(counts)

    drawn = resample(statistic, len(first))
    value = statistic(np.ones(len(first)))
    if not len(drawn):
        return Difference(value, math.nan, math.nan, math.nan)
    better = float(np.mean(drawn > 0) + np.mean(drawn == 0) / 2)
    return Difference(value, *_middle(drawn), better)


def interval(statistic: Statistic, videos: int) -> Interval:
    """The interval of a statistic over ``videos`` that are drawn with replacement.

    Draws that leave the statistic undefined (one class only) are left out. NaN for fewer than two
    videos, and where every draw gives the same: that all of twelve events were found does not mean
    that all always are.
    """
    drawn = resample(statistic, videos)
    if not len(drawn) or np.ptp(drawn) == 0:
        return Interval(math.nan, math.nan)
    return _middle(drawn)


def _middle(drawn: np.ndarray) -> Interval:
    tail = (1 - CONFIDENCE) / 2
    return Interval(*np.quantile(drawn, [tail, 1 - tail]).tolist())


def resample(statistic: Statistic, videos: int) -> np.ndarray:
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
    defined: np.ndarray = values[~np.isnan(values)]
    return defined


def micro_auc_of(kept: Kept) -> Statistic:
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


def average_precision_of(kept: Kept) -> Statistic:
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


def equal_error_rate_of(kept: Kept) -> Statistic:
    """Equal error rate when videos count several times."""
    sums = _class_sums(kept)

    def statistic(counts: np.ndarray) -> float:
        abnormal, normal = sums(counts)
        if not abnormal.sum() or not normal.sum():
            return math.nan
        found = np.r_[0.0, np.cumsum(abnormal) / abnormal.sum()]
        false = np.r_[0.0, np.cumsum(normal) / normal.sum()]
        return float(np.interp(0.0, false + found - 1, false))

    return statistic


def macro_auc_of(kept: Kept) -> Statistic:
    """Mean AUC of the drawn videos of two classes."""
    return _mean_of(video_aucs(kept), kept)


def padded_macro_auc_of(kept: Kept) -> Statistic:
    """Mean padded AUC of the drawn videos; the frames added have the whole set's extremes."""
    return _mean_of(padded_aucs(kept), kept)


def ratio_of(parts: np.ndarray, wholes: np.ndarray) -> Statistic:
    """Sum of ``parts`` (V,) over sum of ``wholes`` (V,) of the videos that are drawn."""

    def statistic(counts: np.ndarray) -> float:
        whole = float(counts @ wholes)
        return float(counts @ parts) / whole if whole else math.nan

    return statistic


STATISTICS: dict[str, Callable[[Kept], Statistic]] = {
    "micro-auc": micro_auc_of,
    "macro-auc": macro_auc_of,
    "padded-macro-auc": padded_macro_auc_of,
    "ap": average_precision_of,
    "eer": equal_error_rate_of,
}


def _mean_of(values: Mapping[str, float], kept: Kept) -> Statistic:
    """Mean of a value that some videos have, over those that are drawn."""
    own = np.array([values.get(video, 0.0) for video in kept])
    return ratio_of(own, np.array([video in values for video in kept], dtype=np.float64))


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
