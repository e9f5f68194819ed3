"""Clips as integer index ranges into videos: which to train on, which to score, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vadkit.data.videos import ClipSpec


def training_clips(lengths: Sequence[int], spec: ClipSpec) -> np.ndarray:
    """Every clip of every video, (n, 2) int64 rows of video number and first frame.

    A video shorter than a clip's span has none.
    """
    counts = [max(0, length - spec.span + 1) for length in lengths]
    videos = np.repeat(np.arange(len(lengths)), counts)
    starts = np.concatenate([np.arange(count) for count in counts] or [np.empty(0, np.int64)])
    return np.stack([videos, starts], axis=1).astype(np.int64)


def scoring_starts(frames: int, spec: ClipSpec) -> np.ndarray:
    """First frames of the clips that score a video of that many frames, ascending int64.

    Every frame that any clip could score is scored. Clips lie as far apart as the run of offsets
    that a method scores is long, so that a frame is scored once; the last clip is aligned to the
    video's end, and the few frames that it scores again are averaged. Offsets with gaps, or a
    step over frames, take every clip.
    """
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
    """Scores (clips, S) of clips at ``starts`` as one value a frame, (frames,) float64.

    Where clips overlap the mean is taken; a frame that no clip scored is NaN.
    """
    index = starts[:, None] + np.asarray(spec.scored) * spec.step
    sums, counts = np.zeros(frames), np.zeros(frames)
    np.add.at(sums, index, scores)
    np.add.at(counts, index, 1)
    with np.errstate(invalid="ignore"):
        return sums / counts
