"""Pieces of training video: what is held out for calibration, and the folds."""

from __future__ import annotations

import itertools
from collections.abc import Sequence, Sized
from typing import NamedTuple

import numpy as np

from vadkit.recipe import Recipe

# If a video is split by time, this share of it lies between the parts and is in neither part.
_GAP = 0.05


class Piece(NamedTuple):
    """Frames [start, stop) of a training video, which is given by its number."""

    video: int
    start: int
    stop: int


def outside(rows: np.ndarray, pieces: Sequence[Piece], span: int) -> np.ndarray:
    """Return which clips do not overlap the pieces, as bool (n,).

    ``rows`` (n, 2) holds the video and the first frame of each clip. If a piece is only a part of a
    video, other clips of that video must also keep a distance from it.
    """
    kept = np.ones(len(rows), bool)
    for video, start, stop in pieces:
        gap = round(_GAP * (stop - start))
        first = rows[:, 1]
        kept &= (rows[:, 0] != video) | (first + span <= start - gap) | (first >= stop + gap)
    return kept


def kept_out(recipe: Recipe, stored: Sequence[Sized]) -> list[Piece]:
    """Return what ``calibration.holdout`` holds out: whole videos, or the end of a single one.

    The videos are evenly spaced, and always the same.
    """
    share = recipe.calibration.holdout if recipe.calibration else None
    if recipe.bags is not None:
        return _of_both_kinds(stored, recipe.bags.holdout or share)
    if share is None:
        return []
    if len(stored) == 1:
        frames = len(stored[0])
        return [Piece(0, frames - max(1, round(share * frames)), frames)]
    return [Piece(number, 0, len(stored[number])) for number in _spread_over(len(stored), share)]


def _spread_over(videos: int, share: float) -> list[int]:
    """Return the numbers of evenly spaced videos, at least one and not all."""
    count = min(max(1, round(share * videos)), videos - 1)
    numbers: list[int] = ((np.arange(count) + 0.5) * videos / max(count, 1)).astype(int).tolist()
    return numbers


def _of_both_kinds(stored: Sequence[Sized], share: float | None) -> list[Piece]:
    """Return a share of the normal videos, and one of the abnormal videos."""
    if share is None:
        return []
    kinds: dict[bool, list[int]] = {False: [], True: []}
    for number, video in enumerate(stored):
        kinds[is_abnormal(video)].append(number)
    numbers = [kind[place] for kind in kinds.values() for place in _spread_over(len(kind), share)]
    return [Piece(number, 0, len(stored[number])) for number in sorted(numbers)]


def is_abnormal(video: object) -> bool:
    """Whether a training video is known to be abnormal, which only videos of segments may be."""
    return bool(getattr(video, "abnormal", False))


def folds(lengths: Sequence[int], count: int) -> list[list[Piece]]:
    """Return the pieces of each fold: every ``count``-th video, or a segment of a single one."""
    if len(lengths) == 1:
        edges = np.linspace(0, lengths[0], count + 1).astype(int).tolist()
        return [[Piece(0, start, stop)] for start, stop in itertools.pairwise(edges)]
    count = min(count, len(lengths))
    return [
        [Piece(video, 0, lengths[video]) for video in range(fold, len(lengths), count)]
        for fold in range(count)
    ]


def seen_pieces(lengths: Sequence[int], most: int) -> list[Piece]:
    """Return evenly spaced videos with at most ``most`` frames in total, cut if necessary."""
    total = sum(lengths)
    if total <= most:
        return [Piece(video, 0, length) for video, length in enumerate(lengths)]
    count = max(1, len(lengths) * most // total)
    numbers = ((np.arange(count) + 0.5) * len(lengths) / count).astype(int).tolist()
    return [Piece(video, 0, min(lengths[video], most // count)) for video in numbers]
