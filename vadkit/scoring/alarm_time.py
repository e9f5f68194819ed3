"""The time inside alarms: what the alarm rules make of a series of scores."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from vadkit.arrays import runs

# Rises of the score this many seconds apart belong to one alarm, in calibration and in alarms.
MERGE_S = 2.0


@dataclass(frozen=True)
class TimeRules:
    """The alarm rules that decide how long an alarm is on; times in seconds.

    ``hysteresis`` puts the level at which an alarm ends this share of the way from the threshold
    down to the usual score. The other rules are those of ``AlarmSettings``. Only streams use
    ``longest_s``; calibration counts the whole time of a high score.
    """

    hysteresis: float = 0.1
    min_duration_s: float = 0.0
    merge_s: float = MERGE_S
    cooldown_s: float = 0.0
    longest_s: float | None = None

    def release(self, threshold: float, usual: float) -> float:
        """Return the level at which an alarm ends; the threshold if ``usual`` is unknown."""
        down = threshold - usual
        return threshold - self.hysteresis * down if down > 0 else threshold


def inside_alarms(
    scores: np.ndarray, rate: float, threshold: float, usual: float, rules: TimeRules
) -> np.ndarray:
    """Return which of the scores (N,), ``rate`` per second, lie inside an alarm; (N,) bool.

    These are the alarms of a stream with the same scores, from their first to their last frame,
    with the frames between rises that are merged into one alarm.
    """
    inside = np.zeros(len(scores), bool)
    for start, stop in _alarms(scores, rate, threshold, usual, rules):
        inside[start : stop + 1] = True
    return inside


def _alarms(
    scores: np.ndarray, rate: float, threshold: float, usual: float, rules: TimeRules
) -> list[tuple[int, int]]:
    """Return the first and last frame of every alarm."""
    held = scores >= rules.release(threshold, usual)  # False for NaN
    over = np.flatnonzero(scores >= threshold)
    found: list[tuple[int, int]] = []
    for first, stop in runs(held):
        last = stop - 1
        place = int(np.searchsorted(over, first))
        before = found[-1][1] if found else -math.inf
        while place < len(over) and over[place] <= last:
            gap = (over[place] - before) / rate
            if gap < rules.merge_s or gap >= rules.cooldown_s:
                break
            place += 1
        if place == len(over) or over[place] > last:
            continue
        start = int(over[place])
        if (last - start) / rate < rules.min_duration_s:
            continue
        if (start - before) / rate < rules.merge_s:
            found[-1] = (found[-1][0], last)
        else:
            found.append((start, last))
    return found


def threshold_for_time(
    series: list[tuple[np.ndarray, float]],
    share: float,
    usual: float,
    rules: TimeRules,
    *,
    lowest: float,
    highest: float,
) -> float:
    """Return the lowest threshold, from ``lowest`` on, with at most ``share`` of time in alarms.

    Each of ``series`` has scores (N,) and their number per second. Frames above ``highest`` are
    left out, and the threshold is at most just above it.
    """
    if time_share(series, lowest, usual, rules, highest) <= share:
        return lowest
    low, high = lowest, float(np.nextafter(highest, math.inf))
    while low < (middle := (low + high) / 2) < high and high - low > 1e-12 * abs(high):
        if time_share(series, middle, usual, rules, highest) <= share:
            high = middle
        else:
            low = middle
    return max(lowest, high)


def time_share(
    series: list[tuple[np.ndarray, float]],
    threshold: float,
    usual: float,
    rules: TimeRules,
    highest: float = math.inf,
) -> float:
    """Return the share of scored time inside alarms, without frames above ``highest``."""
    on = total = 0.0
    for scores, rate in series:
        counted = scores <= highest  # False for NaN
        inside = inside_alarms(scores, rate, threshold, usual, rules)
        on += np.count_nonzero(inside & counted) / rate
        total += np.count_nonzero(counted) / rate
    return float(on / total) if total else 0.0
