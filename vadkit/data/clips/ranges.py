"""Clips as index ranges into videos: for training, for scoring, and from scores to frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vadkit.data.videos import ClipSpec


def training_clips(lengths: Sequence[int], spec: ClipSpec) -> np.ndarray:
    """Return every clip of every video, (n, 2) int64 rows of video number and first frame.

    A video that is shorter than a clip has none.
    """
    counts = [max(0, length - spec.span + 1) for length in lengths]
    videos = np.repeat(np.arange(len(lengths)), counts)
    starts = np.concatenate([np.arange(count) for count in counts] or [np.empty(0, np.int64)])
    return np.stack([videos, starts], axis=1).astype(np.int64)


def scoring_starts(frames: int, spec: ClipSpec) -> np.ndarray:
    """Return the first frames of the clips that score a video of this length, ascending int64.

    Every frame that any clip can score is scored. The distance of clips is the number of
    consecutive offsets that a method scores, so a frame is scored once. The last clip is aligned to
    the end of the video, and the few frames that it scores again are averaged. If offsets have
    gaps, or if the clip skips frames, every clip is used.
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
    """Combine scores (clips, S) of clips at ``starts`` to one value per frame, (frames,) float64.

    Overlapping scores are averaged; a frame that no clip scored is NaN.
    """
    index = starts[:, None] + np.asarray(spec.scored) * spec.step
    sums, counts = np.zeros(frames), np.zeros(frames)
    np.add.at(sums, index, scores)
    np.add.at(counts, index, 1)
    with np.errstate(invalid="ignore"):
        return sums / counts
