"""The worst mistakes of a run: false alarms and misses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Mistake(NamedTuple):
    """One frame; ``share`` 0..1 is the part of the other class that it ranks wrongly against.

    For a false alarm, it is the share of abnormal frames with a lower score; for a miss, the share
    of normal frames with a higher score.
    """

    video: str
    frame: int
    score: float
    share: float


def top_mistakes(
    scores: dict[str, np.ndarray],
    labels: dict[str, np.ndarray],
    *,
    most: int = 12,
    apart: int = 25,
) -> tuple[list[Mistake], list[Mistake]]:
    """Return normal frames with the highest scores and abnormal ones with the lowest, worst first.

    ``scores`` and ``labels`` are ``{video: (N,)}``. Frames with NaN are skipped, and so are frames
    that rank correctly against the whole other class. Up to ``most`` frames of each kind are
    returned, and within a video they are at least ``apart`` frames apart, so that one event does
    not fill the list.
    """
    normal = {video: ~one.astype(bool) for video, one in labels.items()}
    abnormal = {video: one.astype(bool) for video, one in labels.items()}
    alarms = _worst(scores, normal, most, apart)
    flipped = {video: -values for video, values in scores.items()}
    misses = _worst(flipped, abnormal, most, apart)
    return alarms, [mistake._replace(score=-mistake.score) for mistake in misses]


def _worst(
    scores: dict[str, np.ndarray], wanted: dict[str, np.ndarray], most: int, apart: int
) -> list[Mistake]:
    names = list(scores)
    values = np.concatenate([scores[name] for name in names] or [np.empty(0)])
    of_class = np.concatenate([wanted[name] for name in names] or [np.empty(0, bool)])
    video = np.repeat(np.arange(len(names)), [len(scores[name]) for name in names])
    counts = [np.arange(len(scores[name])) for name in names]
    frame = np.concatenate(counts or [np.empty(0, np.intp)])
    scored = ~np.isnan(values)
    others = np.sort(values[scored & ~of_class])
    left = np.flatnonzero(scored & of_class)
    left = left[values[left] > others[0]] if len(others) else left[:0]
    # Stable, so that the earlier of equal scores comes first.
    left = left[np.argsort(-values[left], kind="stable")]
    found: list[Mistake] = []
    while left.size and len(found) < most:
        top = left[0]
        share = np.searchsorted(others, values[top]) / len(others)
        found.append(Mistake(names[video[top]], int(frame[top]), float(values[top]), float(share)))
        near = (video[left] == video[top]) & (np.abs(frame[left] - frame[top]) < apart)
        left = left[~near]
    return found
