"""A video at the frame rate that a method was trained at."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from vadkit.data.pace import Beats, beats, spread
from vadkit.data.store.stored_video import StoredVideo
from vadkit.data.store.streamed import StreamedVideo
from vadkit.data.videos import FrameReader


class PacedVideo:
    """The picked frames of another video, which ``beats`` describes.

    ``paces`` (n,) are the steps of the trained rate before each picked frame.
    """

    def __init__(self, video: FrameReader, found: Beats, fps: float) -> None:
        self.video, self.picked, self.fps = video, found.picked, fps
        self.source_size = video.source_size
        if isinstance(video, StreamedVideo):
            # As many picked frames stay in memory as frames would otherwise.
            video.keep *= -(-len(video) // max(1, int(found.picked.sum())))
        self.id, self.key = video.id, f"{video.key} at {fps:g}"
        self.numbers = np.flatnonzero(found.picked)
        self.paces = found.since_pick[self.numbers]
        self.shape = (len(self.numbers), *video.shape[1:])
        # A frame after a cut is always picked.
        self.cuts = tuple(np.searchsorted(self.numbers, list(video.cuts)).tolist())
        self.times = None if video.times is None else video.times[self.numbers]

    def __len__(self) -> int:
        """The number of picked frames."""
        return len(self.numbers)

    def read(self, start: int, stop: int, out: Any = None) -> np.ndarray:
        """Return picked frames [start, stop), (n, H, W, C)."""
        if out is None:
            out = np.empty((stop - start, *self.shape[1:]), np.uint8)
        if stop > start:
            numbers = self.numbers[start:stop]
            read = self.video.read(int(numbers[0]), int(numbers[-1]) + 1)
            np.take(read, numbers - numbers[0], axis=0, out=out)
        return np.asarray(out)

    @property
    def folder(self) -> Path:
        """The folder of the stored video."""
        assert isinstance(self.video, StoredVideo)
        return self.video.folder

    @property
    def first(self) -> int:
        """The first frame of the stored video in its file."""
        assert isinstance(self.video, StoredVideo)
        return self.video.first

    @property
    def digest(self) -> str:
        """Identifies the picked frames and their paces."""
        return hashlib.blake2b(
            self.numbers.tobytes() + self.paces.tobytes(), digest_size=12
        ).hexdigest()


def paced(video: FrameReader, clip_fps: float | None) -> FrameReader:
    """Return the video at the rate ``clip_fps``; the video itself if it already has that rate."""
    if clip_fps is None or video.fps is None or video.times is None:
        return video
    found = beats(video.times, video.cuts, clip_fps, video.fps)
    return video if found.as_trained else PacedVideo(video, found, clip_fps)


def whole(video: FrameReader) -> FrameReader:
    """Return the video with all of its frames."""
    return video.video if isinstance(video, PacedVideo) else video


def of_all_frames(video: FrameReader, values: np.ndarray) -> np.ndarray:
    """Return values (N, ...) of all frames of a video from those of its picked ones (n, ...).

    Frames between have the value of the picked frame before them.
    """
    return spread(values, video.picked) if isinstance(video, PacedVideo) else values


def frames_scored_as(video: FrameReader, number: int) -> range:
    """Return the frames of the whole video that have the score of a frame of ``video``."""
    if not isinstance(video, PacedVideo):
        return range(number, number + 1)
    numbers = [*video.numbers.tolist(), len(video.picked)]
    return range(numbers[number], numbers[number + 1])


def scored_as(video: FrameReader, frame: int) -> int:
    """Return the frame of ``video`` whose score a frame of the whole video has."""
    if not isinstance(video, PacedVideo):
        return frame
    return int(np.searchsorted(video.numbers, frame, side="right")) - 1
