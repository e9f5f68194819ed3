"""Confidence intervals over videos, also of the difference between two sets of scores.

Frames of one video depend on each other, so the bootstrap samples whole videos, not frames. It uses
SciPy's bootstrap with percentile intervals.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from vadkit.evaluation.frame_auc import Kept, padded_aucs, pooled, video_aucs
from vadkit.evaluation.metrics import Interval

RESAMPLES = 1000
CONFIDENCE = 0.95

# A statistic as a function of how often each video was sampled, (V,) counts.
Statistic = Callable[[np.ndarray], float]


class Difference(NamedTuple):
    """A difference, its 95% interval, and the share of samples above 0 (ties count half)."""

    value: float
    low: float
    high: float
    better: float


def metric_intervals(kept: Kept) -> dict[str, Interval]:
    """Return intervals of the AUCs, ``ap`` and ``eer``; see ``frame_auc`` for ``kept``."""
    return {name: interval(of(kept), len(kept)) for name, of in STATISTICS.items()}


def difference(first: Kept, second: Kept, metric: str = "micro-auc") -> Difference:
    """Return a metric of ``second`` minus that of ``first``, with the same samples of videos.

    Both have the same videos in the same order with the same frames. ``metric`` is one of
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
    """Return the interval of a statistic over ``videos`` sampled with replacement.

    Samples in which the statistic is undefined (only one class) are left out. The interval is NaN
    for fewer than two videos, and if all samples give the same value: if twelve of twelve events
    were found, this does not mean that all events are always found.
    """
    drawn = resample(statistic, videos)
    if not len(drawn) or np.ptp(drawn) == 0:
        return Interval(math.nan, math.nan)
    return _middle(drawn)


def _middle(drawn: np.ndarray) -> Interval:
    tail = (1 - CONFIDENCE) / 2
    return Interval(*np.quantile(drawn, [tail, 1 - tail]).tolist())


def resample(statistic: Statistic, videos: int) -> np.ndarray:
    """Return the statistic over resampled videos, without undefined values."""
    from scipy.stats import bootstrap

    if videos < 2:
        return np.empty(0)
    with warnings.catch_warnings():
        # SciPy warns about undefined samples, which are left out here.
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
    """Micro AUC with repeated videos; the scores are sorted only once, not for every sample."""
    sums = _class_sums(kept)

    def statistic(counts: np.ndarray) -> float:
        abnormal, normal = sums(counts)
        pairs = abnormal.sum() * normal.sum()
        if not pairs:
            return math.nan
        # From the highest score down: pairs in order, and half of the ties.
        above = np.cumsum(abnormal) - abnormal
        return float((normal * (above + abnormal / 2)).sum() / pairs)

    return statistic


def average_precision_of(kept: Kept) -> Statistic:
    """Average precision with repeated videos."""
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
    """Equal error rate with repeated videos."""
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
    """Mean AUC of the sampled videos that have two classes."""
    return _mean_of(video_aucs(kept), kept)


def padded_macro_auc_of(kept: Kept) -> Statistic:
    """Mean padded AUC of the sampled videos; the added frames have the set's extremes."""
    return _mean_of(padded_aucs(kept), kept)


def ratio_of(parts: np.ndarray, wholes: np.ndarray) -> Statistic:
    """Sum of ``parts`` (V,) divided by the sum of ``wholes`` (V,) over the sampled videos."""

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
    """Mean of a value that some videos have, over the sampled ones."""
    own = np.array([values.get(video, 0.0) for video in kept])
    return ratio_of(own, np.array([video in values for video in kept], dtype=np.float64))


def _class_sums(kept: Kept) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """From counts per video to weights of abnormal and normal frames by score, highest first."""
    truth, values = pooled(kept)
    video = np.repeat(np.arange(len(kept)), [len(own) for own, _ in kept.values()])
    levels, place = np.unique(-values, return_inverse=True)

    def sums(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        weights = counts[video]
        of_class = (np.where(truth, weights, 0.0), np.where(truth, 0.0, weights))
        abnormal, normal = (np.bincount(place, one, len(levels)) for one in of_class)
        return abnormal, normal

    return sums
