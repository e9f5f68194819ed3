"""Objects in the frames of a video, as boxes; each module finds them in another way.

The contract is one call for a video: the video, its number of frames, and its frames in order as
an iterator that decodes when it is asked. What finds boxes frame by frame walks through it, what
needs the frames before (a background model) keeps what it needs, and what has its boxes already
never asks, so that nothing is decoded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from vadkit.data.videos import Video


@dataclass(frozen=True)
class Boxes:
    """n boxes of one video.

    ``frame`` (n,) int64 counts from 0, ascending; ``xyxy`` (n, 4) float32 is x1, y1, x2, y2 in
    pixels of the source; ``score`` (n,) float32 in 0..1 says how sure the finder is, 1 where it
    does not say; ``label`` (n,) int64 is the class in the finder's own numbers, -1 where it has
    none.
    """

    frame: np.ndarray
    xyxy: np.ndarray
    score: np.ndarray
    label: np.ndarray

    def __len__(self) -> int:
        """Number of boxes in all frames."""
        return len(self.frame)

    def at(self, frame: int) -> Boxes:
        """The boxes of one frame, none where it has none."""
        start, stop = np.searchsorted(self.frame, [frame, frame + 1])
        return Boxes(
            self.frame[start:stop],
            self.xyxy[start:stop],
            self.score[start:stop],
            self.label[start:stop],
        )


class FrameBoxes(NamedTuple):
    """What is found in one frame: (k, 4) boxes, (k,) scores and (k,) labels."""

    xyxy: np.ndarray
    score: np.ndarray
    label: np.ndarray


class ObjectFinder(Protocol):
    """What the family ``objects`` holds.

    ``reads_frames`` is False where the boxes come from elsewhere; only those of finders that read
    frames are kept in the cache. Those also have ``stream``, which new video needs. Several
    threads may call one object at a time.
    """

    reads_frames: bool

    def __call__(self, video: Video, length: int, frames: Iterator[np.ndarray]) -> Boxes:
        """The boxes of ``video``, which has ``length`` frames.

        ``frames`` gives each once, in order, as (H, W, 3) uint8 RGB at the source's size. A video
        that is a part of a file has its own frames only, and the first of them is frame 0. Raises
        ``DataError`` for what cannot be used.
        """


class FrameFinder(ObjectFinder, Protocol):
    """A finder that looks at frames, and so can follow a stream of them."""

    def stream(self, frames: Iterator[np.ndarray]) -> Iterator[FrameBoxes]:
        """What is found in each frame, in order; it may look at later frames before it answers."""


def boxes_of_frames(found: Sequence[FrameBoxes]) -> Boxes:
    """The boxes of a video, of what was found in frame 0, 1, ..."""
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
    """The boxes cut to the frame, without those that cover no part of it."""
    xyxy = np.clip(found.xyxy, 0, [width, height, width, height])
    kept = (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
    return FrameBoxes(xyxy[kept], found.score[kept], found.label[kept])
