"""The features of one video: a row of numbers for each of its segments."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vadkit.errors import DataError

# Segments that a list and a decoder may differ by, because decoders disagree about the last frames.
_NEAR = 2


@dataclass(frozen=True)
class SegmentVideo:
    """A video as features of its segments; for scoring, it takes the place of stored frames.

    ``shape`` is (segments, crops, D), and ``load(crop)`` returns features (segments, D) of one crop
    as float16 or float32. ``frames`` is the number of frames of the video. Segment n consists of
    ``every`` frames from frame n * ``every`` on; the last one reaches the end of the video. None
    spreads the segments evenly over the video. ``key`` identifies the content.
    """

    id: str
    key: str
    shape: tuple[int, int, int]
    load: Callable[[int], np.ndarray]
    frames: int
    every: int | None
    abnormal: bool | None = None
    category: str | None = None
    fps: float | None = None

    @property
    def cuts(self) -> Sequence[int]:
        """No cuts: a bag may contain what lies on both sides of one."""
        return ()

    @property
    def times(self) -> np.ndarray | None:
        """The times of the frames are unknown."""
        return None

    @property
    def source_size(self) -> tuple[int, int] | None:
        """The size of the pictures is unknown."""
        return None

    def __len__(self) -> int:
        """The number of frames."""
        return self.frames

    def crop(self, number: int) -> np.ndarray:
        """Return features (segments, D) float32 of one crop.

        Raises ``DataError`` for values that are not finite.
        """
        found = np.asarray(self.load(number), np.float32)
        if not np.isfinite(found).all():
            raise DataError(f"the features of video '{self.id}' have values that are not finite")
        return found

    def segments_of(self, start: int, stop: int) -> np.ndarray:
        """Return the number of the segment of each of the frames [start, stop)."""
        return segment_of_frames(self.shape[0], self.frames, self.every)[start:stop]


def segment_of_frames(segments: int, frames: int, every: int | None) -> np.ndarray:
    """Return the segment (frames,) int64 of each frame of a video; see ``SegmentVideo``."""
    numbers = np.arange(frames)
    if every is None:
        return numbers * segments // max(frames, 1)
    return np.asarray(np.minimum(numbers // every, segments - 1))


def check_length(video: str, segments: int, frames: int, every: int | None) -> None:
    """Raise ``DataError`` if segments belong to a video of another length."""
    if every is None or abs(segments - frames / every) <= _NEAR:
        return
    raise DataError(
        f"video '{video}' has features of {segments} segments of {every} frames, but {frames} "
        f"frames are {frames / every:.1f} segments; set features.frames to the frames a segment, "
        "or features.spread: true if every video has the same number of segments"
    )
