"""Clips as index ranges into videos: for training, for scoring, and from scores to frames."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from vadkit.data.videos import ClipSpec


def training_clips(
    lengths: Sequence[int], spec: ClipSpec, cuts: Sequence[Sequence[int]] = ()
) -> np.ndarray:
    """Return every clip of every video, (n, 2) int64 rows of video number and first frame.

    A video that is shorter than a clip has none. ``cuts`` are the frames of each video that no clip
    may cross to (see ``VideoFrame``), none by default.
    """
    rows = [np.empty((0, 2), np.int64)]
    for video, length in enumerate(lengths):
        for first, stop in _runs(length, cuts[video] if cuts else ()):
            starts = np.arange(first, max(first, stop - spec.span + 1))
            rows.append(np.stack([np.full_like(starts, video), starts], axis=1))
    return np.concatenate(rows)


def _runs(frames: int, cuts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the ranges of frames [first, stop) between cuts."""
    return itertools.pairwise([0, *cuts, frames])


def scoring_starts(frames: int, spec: ClipSpec, cuts: Sequence[int] = ()) -> np.ndarray:
    """Return the first frames of the clips that score a video of this length, ascending int64.

    Every frame that any clip can score is scored. The distance of clips is the number of
    consecutive offsets that a method scores, so a frame is scored once. The last clip is aligned to
    the end of the video, and the few frames that it scores again are averaged. If offsets have
    gaps, or if the clip skips frames, every clip is used. No clip crosses to a frame in ``cuts``:
    what is between two of them is scored like a video.
    """
    if cuts:
        parts = [first + scoring_starts(stop - first, spec) for first, stop in _runs(frames, cuts)]
        return np.concatenate(parts)
    last = frames - spec.span
    if last < 0:
        return np.empty(0, np.int64)
    offsets = np.sort(np.asarray(spec.scored))
    in_a_row = spec.step == 1 and bool((np.diff(offsets) == 1).all())
    starts = np.arange(0, last + 1, len(offsets) if in_a_row else 1)
    return starts if starts[-1] == last else np.append(starts, last)


def scatter_scores(
    scores: np.ndarray, starts: np.ndarray, frames: int, spec: ClipSpec
) -> np.ndarray:
    """Combine scores (clips, S) of clips at ``starts`` to one value per frame, (frames,) float64.

    Overlapping scores are averaged; a frame that no clip scored is NaN.
    """
    index = starts[:, None] + np.asarray(spec.scored) * spec.step
    sums, counts = np.zeros(frames), np.zeros(frames)
    np.add.at(sums, index, scores)
    np.add.at(counts, index, 1)
    with np.errstate(invalid="ignore"):
        return sums / counts
