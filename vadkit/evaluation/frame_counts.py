"""Check that scores and labels match, and count their frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vadkit.errors import DataError


@dataclass(frozen=True)
class FrameCounts:
    """The size of an evaluation.

    ``frames``, ``abnormal`` and ``videos`` count everything with labels. ``unscored`` frames have
    no score and are dropped. ``one_class_videos`` have scored frames of only one class, so their
    AUC is undefined.
    """

    frames: int
    abnormal: int
    unscored: int
    videos: int
    one_class_videos: int


def check_videos(scores: Mapping[str, object], labels: Mapping[str, object]) -> None:
    """Raise ``DataError`` unless scores and labels have the same videos."""
    for have, lack, those in ((labels, scores, "scores"), (scores, labels, "labels")):
        missing = sorted(set(have) - set(lack))
        if missing:
            others = sorted(set(lack) - set(have))
            instead = f", but there are {those} for {_names(others)}" if others else ""
            raise DataError(
                f"no {those} for video {_names(missing)}{instead}; scores and labels must have "
                "the same videos"
            )


def check_frames(scores: dict[str, np.ndarray], labels: dict[str, np.ndarray]) -> None:
    """Raise ``DataError`` unless every video has one score and one label (0 or 1) per frame."""
    check_videos(scores, labels)
    for video, values in scores.items():
        truth = np.asarray(labels[video])
        if np.ndim(values) != 1 or truth.ndim != 1:
            raise DataError(
                f"video '{video}': scores have shape {np.shape(values)} and labels "
                f"{truth.shape}; both must be one value per frame, (N,)"
            )
        if len(values) != len(truth):
            raise DataError(
                f"video '{video}' has {len(values)} scores but {len(truth)} labels; the labels "
                "are probably from another version of the video, or decoding lost frames"
            )
        if not np.isin(truth, (0, 1)).all():
            raise DataError(f"labels of video '{video}' contain values other than 0 and 1")
        if np.isinf(values).any():
            frame = int(np.flatnonzero(np.isinf(values))[0])
            raise DataError(
                f"the score of frame {frame} of video '{video}' is infinite; a frame without a "
                "score must be NaN"
            )


def count_frames(scores: dict[str, np.ndarray], labels: dict[str, np.ndarray]) -> FrameCounts:
    """Count checked scores and labels."""
    one_class = 0
    for video, values in scores.items():
        of_scored = np.asarray(labels[video], dtype=bool)[~np.isnan(values)]
        one_class += not (of_scored.any() and not of_scored.all())
    return FrameCounts(
        frames=sum(len(truth) for truth in labels.values()),
        abnormal=sum(int(np.count_nonzero(truth)) for truth in labels.values()),
        unscored=sum(int(np.isnan(values).sum()) for values in scores.values()),
        videos=len(labels),
        one_class_videos=one_class,
    )


def frame_count_summary(counts: FrameCounts) -> str:
    """Return "2010 frames of 12 videos, 1648 abnormal; 48 unscored, dropped; 4 one-class"."""
    return (
        f"{_count(counts.frames, 'frame')} of {_count(counts.videos, 'video')}, "
        f"{counts.abnormal} abnormal; {counts.unscored} unscored"
        f"{', dropped' if counts.unscored else ''}; "
        f"{_count(counts.one_class_videos, 'one-class video')}"
    )


def _names(videos: list[str]) -> str:
    more = f" and {len(videos) - 5} more" if len(videos) > 5 else ""
    return ", ".join(f"'{video}'" for video in videos[:5]) + more


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
