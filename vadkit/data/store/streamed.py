"""A video that is not stored: its frames are decoded each time they are needed."""

from __future__ import annotations

import contextlib
import weakref
from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

import numpy as np

from vadkit.data.decoding.child import Worker
from vadkit.data.decoding.decode import VideoFrame, read_timed_frames
from vadkit.data.store.settings import Settings, cache_folder, store_key
from vadkit.data.store.write import rate_and_size
from vadkit.data.videos import Video
from vadkit.errors import DataError


class SharedWorker:
    """A decoding process for several streamed videos, of which one is read at a time."""

    def __init__(self) -> None:
        self.worker = Worker()
        self._reading: StreamedVideo | None = None
        weakref.finalize(self, self.worker.close)

    def give_to(self, video: StreamedVideo) -> Worker:
        """Return the process for this video, after closing the one that was read before."""
        if self._reading is not None and self._reading is not video:
            self._reading.close()
        self._reading = video
        return self.worker


class StreamedVideo:
    """Frames of a video by number; reading is cheap only in ascending order.

    ``found`` are the times and cuts of the file, from ``find_times``. The last ``keep`` frames stay
    in memory, for overlapping clips; reading earlier frames decodes again. Videos that are read one
    after another may share a decoding process, ``shared``.
    """

    def __init__(
        self,
        video: Video,
        settings: Settings,
        found: FileTimes,
        *,
        keep: int = 64,
        shared: SharedWorker | None = None,
    ) -> None:
        start, stop = video.part or (0, None)
        self.id = video.id
        self.key = f"{store_key(video.path, settings, cache_folder())} {start} {stop}"
        self.first = start
        frames = len(found.times)
        self.shape = ((frames if stop is None else stop) - start, *settings.size, settings.planes)
        self.cuts = tuple(cut - start for cut in found.cuts if 0 < cut - start < len(self))
        self.times: np.ndarray | None = found.times[start:stop]
        self.fps, self.source_size = found.fps, found.source_size
        self._video = video
        self._settings = settings
        self.keep, self._shared = keep, shared
        self._reader: Generator[VideoFrame, None, None] | None = None
        self._tail: deque[np.ndarray] = deque()
        # The number of the next frame from the reader.
        self._next = 0

    def __len__(self) -> int:
        """The number of frames."""
        return self.shape[0]

    def read(self, start: int, stop: int, out: np.ndarray | None = None) -> np.ndarray:
        """Return frames [start, stop), (n, H, W, C); ``DataError`` if the file has changed."""
        if out is None:
            out = np.empty((stop - start, *self.shape[1:]), np.uint8)
        if self._reader is None or self.first + start < self._next - len(self._tail):
            self.close()
            worker = None if self._shared is None else self._shared.give_to(self)
            self._reader = _open(self._video, self._settings, worker)
        for place, number in enumerate(range(self.first + start, self.first + stop)):
            while self._next <= number:
                self._advance()
            out[place] = self._tail[number - self._next]
        if stop == len(self):
            self.close()
        return out

    def _advance(self) -> None:
        assert self._reader is not None
        frame = next(self._reader, None)
        if frame is None:
            raise DataError(
                f"{self._video.path} gave {self._next} frames this time and more before; "
                "it was changed while it was in use"
            )
        self._tail.append(frame.image)
        self._next += 1
        if len(self._tail) > self.keep:
            self._tail.popleft()

    def close(self) -> None:
        """Stop decoding."""
        if self._reader is not None:
            self._reader.close()
        self._reader, self._next = None, 0
        self._tail.clear()


class FileTimes(NamedTuple):
    """The times (N,) of a file's frames in seconds, its cuts (see ``VideoFrame``), rate and size.

    ``fps`` is None for a folder of images; ``source_size`` is (height, width) in the file.
    """

    times: np.ndarray
    cuts: Sequence[int] = ()
    fps: float | None = None
    source_size: tuple[int, int] | None = None


def find_times(
    video: Video,
    settings: Settings,
    worker: Worker | None = None,
    decoded: Callable[[], None] = lambda: None,
) -> FileTimes:
    """Decode a file to find the times of its frames; ``DataError`` if it cannot be read.

    ``decoded`` is called after each frame.
    """
    times, cuts = [], []
    with contextlib.ExitStack() as stack:
        worker = worker or stack.enter_context(Worker())
        frames = stack.enter_context(contextlib.closing(_open(video, settings, worker)))
        for number, frame in enumerate(frames):
            times.append(frame.time)
            decoded()
            if frame.cut:
                cuts.append(number)
        fps, size = rate_and_size(video.path, settings, worker)
    return FileTimes(np.array(times), cuts, fps, size)


def _open(
    video: Video, settings: Settings, worker: Worker | None
) -> Generator[VideoFrame, None, None]:
    return read_timed_frames(
        video.path,
        readers=settings.readers,
        size=settings.size,
        channels=settings.channels,
        plugins=settings.plugins,
        stall_s=settings.stall_s,
        levels=settings.levels,
        worker=worker,
    )
