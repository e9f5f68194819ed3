"""Peaks of normal scores, and the level that a given number of them per hour reach.

A false alarm lasts as long as the score stays high, so separate peaks are counted, not frames. All
functions use only NumPy and SciPy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

# Fewer peaks than this contain no information on the shape of a tail.
FEWEST = 5
# The weight, in peaks, of the prior for an exponential tail.
_PRIOR_PEAKS = 10
# Rare events are as high as an exponential tail would make its peaks in one of 200 videos;
# chosen by simulation (docs/decisions/0022-rare-events-in-normal-video.md).
_RARE_CHANCE = 0.005
# Shares of frames below the levels that peaks may be taken from.
_SHARES = [0.9999, 0.9995, 0.999, 0.995, 0.99, 0.98, 0.95, 0.9, 0.8, 0.6]


def gap_frames(merge_s: float, rate: float) -> int:
    """The largest distance between two frames of one alarm, at ``rate`` frames per second."""
    return max(1, math.ceil(merge_s * rate - 1e-9) - 1)


def peaks_over(scores: np.ndarray, level: float, gap: int) -> np.ndarray:
    """Return the highest score of each alarm that scores (N,) raise at ``level``, in order of time.

    Frames at or above the level and at most ``gap`` frames apart belong to one alarm; NaN is below.
    """
    above = np.flatnonzero(scores >= level)
    if not len(above):
        return np.empty(0)
    first = np.flatnonzero(np.diff(above, prepend=-gap - 1) > gap)
    return np.maximum.reduceat(scores[above], first)


def quantile(peaks: np.ndarray, hours: float, per_hour: float) -> float:
    """Return the lowest level that at most ``per_hour`` of the observed peaks per hour reach.

    ``peaks`` (n,) are from ``hours`` of video. If not even one peak is allowed, the level is just
    above the highest peak. It is never below the lowest peak.
    """
    allowed = math.floor(per_hour * hours + 1e-9)
    falling = np.sort(peaks)[::-1]
    if allowed >= len(falling):
        return float(falling[-1])
    return float(np.nextafter(falling[allowed], np.inf))


def pot(peaks: np.ndarray, hours: float, per_hour: float, level: float) -> float:
    """Return the level that ``per_hour`` peaks per hour reach, from a tail fitted above ``level``.

    Peaks over threshold (Davison and Smith, 1990): excesses above a high level follow a generalised
    Pareto distribution, so rates lower than any observed one can be extrapolated. Shape and scale
    come from L-moments (Hosking and Wallis, 1987), which are better than likelihood for tens of
    peaks; the shape is shrunk towards 0, an exponential tail, with the weight of ten more peaks.
    For a rate as high as that of the peaks themselves, ``quantile`` is used. Raises ``ValueError``
    for fewer than five peaks.
    """
    from scipy.stats import genpareto

    if len(peaks) < FEWEST:
        raise ValueError(f"a tail needs at least {FEWEST} peaks; got {len(peaks)}")
    share = per_hour * hours / len(peaks)
    if share >= 1:
        return quantile(peaks, hours, per_hour)
    shape, scale = fit_tail(peaks - level)
    return float(level + genpareto.isf(share, shape, scale=scale))


def fit_tail(excesses: np.ndarray) -> tuple[float, float]:
    """Return shape and scale of the generalised Pareto distribution of excesses (n,)."""
    from scipy.stats import lmoment

    first, second = lmoment(excesses, order=[1, 2]).tolist()
    if second <= 0:
        return 0.0, max(first, np.finfo(float).tiny)
    shape = 2 - first / second
    shape *= len(excesses) / (len(excesses) + _PRIOR_PEAKS)
    # Heavier tails have no variance, and cannot be estimated from a sample.
    shape = min(max(shape, -0.5), 0.5)
    # The scale that keeps the mean, which is scale / (1 - shape).
    return shape, first * (1 - shape)


def tail_rate(score: float, level: float, shape: float, scale: float, per_hour: float) -> float:
    """Return how often per hour a fitted tail reaches a score; ``per_hour`` is that of the level.

    Below the level, where nothing was fitted, it is the rate of the level.
    """
    # Written out because the import of SciPy takes a second, in which an alarm would have to wait.
    excess = max(score - level, 0.0) / scale
    if shape == 0:
        return per_hour * math.exp(-excess)
    if shape * excess <= -1:
        return 0.0
    # A power of 1 + shape * excess would be 1 for a tiny shape.
    return per_hour * math.exp(-math.log1p(shape * excess) / shape)


def rare_peaks(peaks: np.ndarray, level: float, most: int) -> int:
    """Return how many of the highest ``peaks`` (n,) do not belong to the tail of the others.

    The scaled spacings between the highest values of an exponential tail are independent and
    exponential (Renyi, 1953), so the mean of the k highest, over that of the others, has an F
    distribution. Of all k up to ``most`` for which it is too large to be chance, the answer is the
    one with the largest spacing below; 0 if there is none. All k are tried because rare events hide
    each other.
    """
    from scipy.stats import f

    excess = np.sort(peaks - level)[::-1]
    count, widest, found = len(excess), 0.0, 0
    for k in range(1, most + 1):
        above = (excess[:k].sum() - k * excess[k]) / k
        below = (excess[k:].sum() + k * excess[k]) / (count - k)
        if below <= 0:
            break
        spacing = k * (excess[k - 1] - excess[k])
        chance = f.sf(above / below, 2 * k, 2 * (count - k))
        if chance < _RARE_CHANCE / most and spacing > widest:
            widest, found = float(spacing), k
    return found


def conformal(maxima: np.ndarray, hours_each: float, per_hour: float) -> float:
    """Return the level that a new normal video exceeds no more often than ``per_hour`` allows.

    ``maxima`` (m,) are the highest scores of normal videos of about ``hours_each``. If a new video
    is exchangeable with them, its maximum exceeds the level with a probability of at most 1 -
    exp(-per_hour * hours_each), for any distribution (Vovk et al., 2005). If m videos are too few
    for this guarantee, the level is just above the highest of them.
    """
    allowed = -math.expm1(-per_hour * hours_each)
    rank = math.ceil((len(maxima) + 1) * (1 - allowed) - 1e-9)
    rising = np.sort(maxima)
    return float(np.nextafter(rising[min(max(rank, 1), len(maxima)) - 1], np.inf))


def rate_interval(alarms: int, hours: float, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval of the rate per hour for ``alarms`` in ``hours`` (Garwood)."""
    from scipy.stats import chi2

    rest = (1 - confidence) / 2
    low = chi2.ppf(rest, 2 * alarms) / 2 / hours if alarms else 0.0
    return float(low), float(chi2.ppf(1 - rest, 2 * alarms + 2) / 2 / hours)


def choose_level(
    videos: Sequence[np.ndarray], gaps: Sequence[int], wanted: float
) -> tuple[float, list[np.ndarray]]:
    """Return the level for taking peaks, and the peaks above it by video.

    It is the highest of a few quantiles of all frames that leaves ``wanted`` peaks; if there is
    none, the one that leaves most.
    """
    scored = np.concatenate([scores[~np.isnan(scores)] for scores in videos])
    best: tuple[float, list[np.ndarray]] | None = None
    for level in np.quantile(scored, _SHARES).tolist():
        found = [peaks_over(scores, level, gap) for scores, gap in zip(videos, gaps, strict=True)]
        if best is None or sum(map(len, found)) > sum(map(len, best[1])):
            best = level, found
        if sum(map(len, best[1])) >= wanted:
            break
    assert best is not None
    return best
