"""Rare events in normal video: the few peaks that do not belong to the tail of the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from vadkit.scoring.peaks import choose_level, gap_frames, rare_peaks

# Rare events are searched among this many peaks, if there are as many.
_PEAKS = 50
# Rare events are at most one peak of this many.
_ONE_OF = 3


class Rare(NamedTuple):
    """The number of rare ``events``, and the share of ``time`` above ``highest``.

    ``highest`` is the highest peak that is not a rare event.
    """

    events: int
    time: float
    highest: float


def find_rare(
    series: Sequence[tuple[np.ndarray, float]], merge_s: float, contamination: float
) -> Rare:
    """Find the rare events in normal scores.

    Each of ``series`` has scores (N,), NaN for none, and their number per second. Scores exceed the
    highest peak of the others for at most the share ``contamination`` of the time.
    """
    level, found = choose_level(
        [scores for scores, _ in series],
        [gap_frames(merge_s, rate) for _, rate in series],
        _PEAKS,
    )
    falling = np.sort(np.concatenate(found))[::-1]
    times = _times_above(series, falling)
    allowed = np.count_nonzero(np.cumsum(times > contamination) == 0) - 1
    most = max(0, min(allowed, len(falling) // _ONE_OF))
    events = rare_peaks(falling, level, most)
    return Rare(events, float(times[events]), float(falling[events]))


def _times_above(series: Sequence[tuple[np.ndarray, float]], levels: np.ndarray) -> np.ndarray:
    """Return the share of scored time above each of the levels (L,)."""
    above, total = np.zeros(len(levels)), 0.0
    for scores, rate in series:
        known = np.sort(scores[~np.isnan(scores)])
        above += (len(known) - np.searchsorted(known, levels, "right")) / rate
        total += len(known) / rate
    return above / total
