"""The frames on which a run errs most: false alarms and misses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Mistake(NamedTuple):
    """One frame. ``share`` is the part of the other class that it lies beyond, 0..1.

    For a false alarm: of the abnormal frames, those with a lower score; for a miss: of the normal
    frames, those with a higher one.
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
    """Normal frames of the highest scores and abnormal ones of the lowest, the worst first.

    ``scores`` and ``labels`` are ``{video: (N,)}``; frames with NaN are passed over, and so are
    those on the right side of the whole other class, which no threshold need get wrong. Up to
    ``most`` of each kind, and within a video at least ``apart`` frames from each other, so that
    one event does not fill the list.
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
    # Stable, so that of equal scores the earlier frame comes first.
    left = left[np.argsort(-values[left], kind="stable")]
    found: list[Mistake] = []
    while left.size and len(found) < most:
        top = left[0]
        share = np.searchsorted(others, values[top]) / len(others)
        found.append(Mistake(names[video[top]], int(frame[top]), float(values[top]), float(share)))
        near = (video[left] == video[top]) & (np.abs(frame[left] - frame[top]) < apart)
        left = left[~near]
    return found
