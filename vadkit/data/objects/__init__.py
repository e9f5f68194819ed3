"""Objects in the frames of a video, as boxes; each module finds them in another way.

The interface is one call per video, with the video, its number of frames, and its frames in order
as an iterator that decodes on demand. A component that finds boxes frame by frame iterates over it;
one with a background model also keeps earlier frames; and one that has its boxes already does not
iterate, so nothing is decoded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from vadkit.data.pace import renumbered
from vadkit.data.videos import Video


@dataclass(frozen=True)
class Boxes:
    """n boxes of one video.

    ``frame`` (n,) int64 counts from 0, ascending; ``xyxy`` (n, 4) float32 is x1, y1, x2, y2 in
    source pixels; ``score`` (n,) float32 in 0..1 is the confidence, 1 if unknown; ``label`` (n,)
    int64 is the class number of the component, -1 if there is none.
    """

    frame: np.ndarray
    xyxy: np.ndarray
    score: np.ndarray
    label: np.ndarray

    def __len__(self) -> int:
        """The number of boxes in all frames."""
        return len(self.frame)

    def at(self, frame: int) -> Boxes:
        """Return the boxes of one frame, possibly none."""
        start, stop = np.searchsorted(self.frame, [frame, frame + 1])
        return Boxes(
            self.frame[start:stop],
            self.xyxy[start:stop],
            self.score[start:stop],
            self.label[start:stop],
        )

    def pick(self, numbers: np.ndarray) -> Boxes:
        """Return the boxes of these frames (n,), ascending, which are then counted from 0."""
        kept, place = renumbered(self.frame, numbers)
        return Boxes(place, self.xyxy[kept], self.score[kept], self.label[kept])


class FrameBoxes(NamedTuple):
    """The boxes of one frame: (k, 4) boxes, (k,) scores and (k,) labels."""

    xyxy: np.ndarray
    score: np.ndarray
    label: np.ndarray


class ObjectFinder(Protocol):
    """The interface of the family ``objects``.

    ``reads_frames`` is False if the boxes come from another source; only boxes of finders that read
    frames are cached. These also have ``stream``, which new video needs. Several threads may call
    one object at the same time.
    """

    reads_frames: bool

    def __call__(self, video: Video, length: int, frames: Iterator[np.ndarray]) -> Boxes:
        """Return the boxes of ``video``, which has ``length`` frames.

        ``frames`` yields each frame once, in order, as (H, W, 3) uint8 RGB at the source's size. If
        the video is a part of a file, it yields only its frames, and the first of them is frame 0.
        Raises ``DataError`` for unusable input.
        """


class FrameFinder(ObjectFinder, Protocol):
    """A finder that uses frames, so it also works on streams."""

    def stream(self, frames: Iterator[np.ndarray]) -> Iterator[FrameBoxes]:
        """Yield the boxes of each frame, in order; it may read later frames before it answers."""


def boxes_of_frames(found: Sequence[FrameBoxes]) -> Boxes:
    """Combine the boxes of frame 0, 1, ... to the boxes of a video."""
    counts = np.array([len(one.score) for one in found], np.int64)
    xyxy = [np.zeros((0, 4)), *(one.xyxy for one in found)]
    score = [np.zeros(0), *(one.score for one in found)]
    label = [np.zeros(0, np.int64), *(one.label for one in found)]
    return Boxes(
        frame=np.repeat(np.arange(len(found), dtype=np.int64), counts),
        xyxy=np.concatenate(xyxy).astype(np.float32),
        score=np.concatenate(score).astype(np.float32),
        label=np.concatenate(label).astype(np.int64),
    )


def within_frame(found: FrameBoxes, height: int, width: int) -> FrameBoxes:
    """Clip boxes to the frame, and drop those completely outside."""
    xyxy = np.clip(found.xyxy, 0, [width, height, width, height])
    kept = (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
    return FrameBoxes(xyxy[kept], found.score[kept], found.label[kept])
