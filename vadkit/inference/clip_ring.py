"""The last seconds of a source as JPEG, for the clips of its alarms."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import cv2
import numpy as np


class ClipFrame(NamedTuple):
    """A frame of a clip: its time in seconds, and its JPEG."""

    time: float
    jpeg: bytes


class ClipRing:
    """Keeps the last ``before_s`` seconds and, for an alarm, all until ``after_s`` after its end.

    It keeps about ``fps`` frames per second, at most ``width`` pixels wide, and at most the first
    ``longest_s`` seconds of an alarm. Memory is bounded by (before + longest) * fps frames of some
    tens of kilobytes.
    """

    def __init__(
        self,
        *,
        before_s: float = 5.0,
        after_s: float = 5.0,
        longest_s: float = 60.0,
        fps: float = 10.0,
        width: int = 640,
    ) -> None:
        self.before_s, self.after_s, self.longest_s = before_s, after_s, longest_s
        self.fps, self.width = fps, width
        # The longest time between the start of an alarm and its report.
        self.late_s = 0.0
        self._recent: deque[ClipFrame] = deque()
        self._clip: list[ClipFrame] | None = None
        self._stop = float("inf")
        self._due = float("-inf")

    def __len__(self) -> int:
        """The number of frames."""
        return len(self._recent) + len(self._clip or ())

    def push(self, time: float, frame_rgb: np.ndarray) -> None:
        """Add a frame (H, W, 3) uint8 RGB, in order of time."""
        if time < self._due:
            return
        # Accept frames that are slightly early, because camera clocks jitter.
        self._due = time + 0.8 / self.fps
        kept = ClipFrame(time, jpeg(frame_rgb, self.width))
        if self._clip is not None and time <= self._stop:
            self._clip.append(kept)
        self._recent.append(kept)
        while self._recent[0].time < time - self.before_s - self.late_s:
            self._recent.popleft()

    def begin(self, start: float) -> None:
        """Keep all frames from now on, because an alarm started at ``start``."""
        self._clip = [one for one in self._recent if one.time >= start - self.before_s]
        self._stop = start + self.longest_s

    def end(self, end: float) -> tuple[ClipFrame, ...]:
        """Return the clip of the alarm that ended at ``end``."""
        clip, self._clip = self._clip or [], None
        return tuple(one for one in clip if one.time <= end + self.after_s)


def jpeg(frame_rgb: np.ndarray, width: int | None = None) -> bytes:
    """Encode a frame (H, W, 3) uint8 RGB as JPEG, no wider than ``width``."""
    if width is not None and frame_rgb.shape[1] > width:
        height = max(1, round(frame_rgb.shape[0] * width / frame_rgb.shape[1]))
        frame_rgb = cv2.resize(frame_rgb, (width, height), interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(".jpg", cv2.cvtColor(frame_rgb, cv2.COLOR_RGB2BGR))
    if not done:
        raise ValueError(f"cannot make JPEG of a frame of shape {frame_rgb.shape}")
    return data.tobytes()


def picture(jpeg: bytes) -> np.ndarray:
    """Decode JPEG to a frame (H, W, 3) uint8 RGB; raise ``ValueError`` for other bytes."""
    frame = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if frame is None:
        raise ValueError("the bytes are not a picture")
    return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
