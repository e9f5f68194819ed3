"""Optical flow of videos that are not stored, computed while they are read."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from vadkit.data.flow import Flow
from vadkit.data.flow.stored import at_pace, half
from vadkit.data.store.paced import PacedVideo
from vadkit.data.videos import FrameReader


class StreamedFlow:
    """Optical flow of a video by frame number, with the values of ``StoredFlow``.

    Reading is cheap only in about the order in which the frames are read: the last ``keep`` are
    kept in memory. It takes no disk space.
    """

    def __init__(self, video: FrameReader, flow: Flow, *, keep: int = 64) -> None:
        self.video, self.flow, self.keep = video, flow, keep
        self._cuts = {0, *video.cuts}
        self._paces = video.paces.tolist() if isinstance(video, PacedVideo) else None
        self._known: OrderedDict[int, np.ndarray] = OrderedDict()

    def __len__(self) -> int:
        """The number of frames."""
        return len(self.video)

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return the flow of the frames [start, stop) as (n, H, W, 2) float16."""
        if not 0 <= start <= stop <= len(self):
            raise IndexError(f"flow [{start}, {stop}) of {len(self)}")
        out = np.empty((stop - start, *self.video.shape[1:3], 2), np.float16)
        for place, number in enumerate(range(start, stop)):
            out[place] = self._at(number)
        return out

    def _at(self, number: int) -> np.ndarray:
        found = self._known.get(number)
        if found is None:
            found = self._computed(number)
            self._known[number] = found
            if len(self._known) > self.keep:
                self._known.popitem(last=False)
        return found

    def _computed(self, number: int) -> np.ndarray:
        if number in self._cuts:
            return np.zeros((*self.video.shape[1:3], 2), np.float16)
        previous, current = self.video.read(number - 1, number + 1)
        moved = self.flow(previous, current)
        return half(moved if self._paces is None else at_pace(moved, self._paces[number]))
