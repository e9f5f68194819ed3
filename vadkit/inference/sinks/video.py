"""Write the video with its heat map and a scrolling score curve."""

from __future__ import annotations

import math
from collections import deque
from pathlib import Path
from typing import ClassVar

import numpy as np

from vadkit.inference.alarms import Event
from vadkit.inference.frame_score import FrameScore
from vadkit.inference.sinks.sink import SourceInfo, VideoScores, file_for
from vadkit.reports.annotate import annotate, heat_from_map
from vadkit.reports.strip import window_frames
from vadkit.reports.video_writer import VideoWriter


class AnnotatedVideo:
    """MP4 of the video with its heat map, and below it the scores of the last seconds.

    For a calibrated run, the curve shows the live score and the threshold; otherwise, the raw score
    and the level of training frames. The heat map is drawn if the method gives score maps and the
    run has a normal reference for them; ``heat: false`` leaves it out.
    """

    live: ClassVar[bool] = True

    def __init__(self, out: Path, *, heat: bool = True) -> None:
        self.out = out
        self.heat = heat
        self._info: SourceInfo | None = None
        self._writer: VideoWriter | None = None

    def open(self, info: SourceInfo) -> None:
        self._info = info
        self._writer = VideoWriter(file_for(self.out, info.name, ".mp4"), info.fps)
        # Keep only the part that the curve shows, because a camera runs for days.
        self._recent: deque[float] = deque(maxlen=window_frames(info.fps) + 1)
        self._low, self._high = _limits(info)

    def frame(self, seen: FrameScore) -> None:
        if self._info is None or self._writer is None:
            raise RuntimeError("frame() before open()")
        normal = self._info.normal
        heat = None
        if self.heat and seen.map is not None:
            heat = heat_from_map(seen.map, normal)
        score = seen.raw if self._info.calibration is None else seen.score
        self._recent.append(score)
        if math.isfinite(score):
            self._low, self._high = min(self._low, score), max(self._high, score)
        self._writer.write(
            annotate(
                seen.frame,
                heat,
                np.array(self._recent),
                _level(self._info),
                self._drawn_limits(),
                self._info.fps,
                seen.index,
                time=seen.time,
                is_threshold=self._info.calibration is not None,
                raised_by=seen.raised_by,
            ),
            seen.time,
        )

    def event(self, event: Event) -> None:
        """Do nothing: the curve shows alarms."""

    def close(self, result: VideoScores | None) -> Path:
        if self._writer is None:
            raise RuntimeError("close() before open()")
        writer, self._writer = self._writer, None
        return writer.close()

    def abort(self) -> None:
        if self._writer is not None:
            self._writer.abort()
            self._writer = None

    def _drawn_limits(self) -> tuple[float, float]:
        if not self._high > self._low:
            return (0.0, 1.0) if math.isinf(self._low) else (self._low - 0.5, self._low + 0.5)
        return self._low, self._high + 0.05 * (self._high - self._low)


def _level(info: SourceInfo) -> float | None:
    """Return the level to draw, in the unit of the drawn score."""
    if info.calibration is not None:
        return info.calibration.threshold
    return info.normal.frame_q99 if info.normal else None


def _limits(info: SourceInfo) -> tuple[float, float]:
    """Return the initial limits of the curve's axis; scores outside extend it.

    With a normal reference, the level is at two fifths of the height, so normal scores look low
    from the first frame on. Without one, the axis covers the scores so far.
    """
    level = _level(info)
    if level is None:
        return math.inf, -math.inf
    known, normal = info.calibration, info.normal
    median = known.usual if known is not None else normal.frame_q50 if normal else level
    return 2 * median - level, level + 3 * (level - median)
