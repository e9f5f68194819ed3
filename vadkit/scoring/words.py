"""Scores from captions: nearness of their clauses to sentences, and counts of words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np


class Fired(NamedTuple):
    """Scores (N,) of frames, and for each frame the number (N,) of the sentence or word behind it.

    Where nothing abnormal was said, the number is -1.
    """

    scores: np.ndarray
    reasons: np.ndarray


def clauses(caption: str) -> list[str]:
    """Return the parts of a caption between full stops, commas and semicolons; [] if it is empty.

    A clause tells about one person or thing, while the words of many would hide each other.
    """
    return [part.strip() for part in re.split(r"[.,;!?\n]+", caption) if part.strip()]


def by_sentences(
    captions: Sequence[str],
    normal: np.ndarray,
    abnormal: np.ndarray,
    embed: Callable[[Sequence[str]], np.ndarray],
) -> Fired:
    """Score captions (N,) by sentences, whose embeddings are ``normal`` and ``abnormal`` (S, F).

    A clause counts by how much nearer, in cosine, it is to an abnormal sentence than to every
    normal one. The score of a frame is that of its highest clause. ``embed`` returns embeddings
    (n, F) of unit length. A frame without a caption has no score.
    """
    parts = [clauses(caption) for caption in captions]
    known = list(dict.fromkeys(part for own in parts for part in own))
    place = {part: number for number, part in enumerate(known)}
    found = by_features(embed(known) if known else np.zeros((0, 1)), normal, abnormal)
    scores, reasons = np.full(len(parts), np.nan), np.full(len(parts), -1)
    for frame, own in enumerate(parts):
        if own:
            numbers = [place[part] for part in own]
            best = numbers[int(np.argmax(found.scores[numbers]))]
            scores[frame], reasons[frame] = found.scores[best], found.reasons[best]
    return Fired(scores, reasons)


def by_features(rows: np.ndarray, normal: np.ndarray, abnormal: np.ndarray) -> Fired:
    """Score rows (N, F), such as CLIP features of images, by embeddings of sentences (S, F)."""
    if not len(rows):
        return Fired(np.zeros(0), np.zeros(0, np.int64))
    near = unit(rows) @ unit(np.concatenate([normal, abnormal])).T
    bad = near[:, len(normal) :]
    scores = bad.max(axis=1) - near[:, : len(normal)].max(axis=1)
    return Fired(scores.astype(np.float64), np.where(scores > 0, bad.argmax(axis=1), -1))


def by_words(captions: Sequence[str], words: Sequence[str], majority: int) -> Fired:
    """Count words of captions (N,), a rule without any model; frames without a caption are NaN.

    A word counts in any case and with the endings -s, -es, -ing, -ed, -er and -ers; ``car`` counts
    in "cars", not in "carrying". The count of a frame is the mean over the last ``majority``
    frames, and 0 unless most of them have a word. The reason is the word that was said most in
    these frames.
    """
    patterns = [
        re.compile(rf"\b{re.escape(word)}(?:s|es|ing|ed|ers?)?\b", re.IGNORECASE) for word in words
    ]
    unique = {caption: [len(p.findall(caption)) for p in patterns] for caption in set(captions)}
    counts = np.array([unique[caption] for caption in captions], float).reshape(-1, len(words))
    said = np.cumsum(np.vstack([np.zeros(len(words)), counts]), axis=0)
    hits = np.cumsum(np.r_[0, counts.any(axis=1)])
    stop = np.arange(1, len(counts) + 1)
    start = np.maximum(stop - majority, 0)
    recent = (said[stop] - said[start]) / (stop - start)[:, None]
    most = (hits[stop] - hits[start]) * 2 > stop - start
    scores = np.where(most, recent.sum(axis=1), 0.0)
    reasons = np.where(most & (scores > 0), recent.argmax(axis=1) if len(words) else -1, -1)
    empty = np.array([not caption.strip() for caption in captions], bool)
    return Fired(np.where(empty, np.nan, scores), np.where(empty, -1, reasons))


def smoothed(scores: np.ndarray, halflife: float) -> np.ndarray:
    """Return the exponential average of scores (N,) over past frames; NaN keeps the last value."""
    if not halflife:
        return scores
    keep, level = 0.5 ** (1 / halflife), np.nan
    out = np.empty(len(scores))
    for frame, score in enumerate(scores):
        if not np.isnan(score):
            level = score if np.isnan(level) else keep * level + (1 - keep) * score
        out[frame] = level
    return out


def unit(rows: np.ndarray) -> np.ndarray:
    """Return rows (N, F) of length 1; a row of 0 stays 0."""
    values = rows.astype(np.float64)
    lengths: np.ndarray = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.maximum(lengths, 1e-12))
