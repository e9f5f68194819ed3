"""Write the video with heat and a rolling score curve drawn in."""

from __future__ import annotations

import math
from collections import deque
from pathlib import Path

import numpy as np

from vadkit.inference.sinks.sink import SourceInfo, VideoScores, file_for
from vadkit.reports.annotate import annotate, heat_from_map
from vadkit.reports.strip import window_frames
from vadkit.reports.video_writer import VideoWriter


class AnnotatedVideo:
    """MP4 of the video with its heat map, and below it the score of the last seconds.

    The score drawn is the one that ``frame`` is given, in the raw unit, so that the normal level
    applies to it. The heat map is drawn where the method gives score maps and the run has a normal
    reference for them; ``heat: false`` leaves the picture bare.
    """

    def __init__(self, out: Path, *, heat: bool = True) -> None:
        self.out = out
        self.heat = heat
        self._info: SourceInfo | None = None
        self._writer: VideoWriter | None = None

    def open(self, info: SourceInfo) -> None:
        self._info = info
        self._writer = VideoWriter(file_for(self.out, info.name, ".mp4"), info.fps)
        # Only what the curve shows is kept: a camera runs for days.
        self._recent: deque[float] = deque(maxlen=window_frames(info.fps) + 1)
        self._low, self._high = _limits(info)

    def frame(
        self, index: int, frame_rgb: np.ndarray, score: float, score_map: np.ndarray | None
    ) -> None:
        if self._info is None or self._writer is None:
            raise RuntimeError("frame() before open()")
        normal = self._info.normal
        heat = None
        if self.heat and score_map is not None:
            heat = heat_from_map(score_map, normal)
        self._recent.append(score)
        if math.isfinite(score):
            self._low, self._high = min(self._low, score), max(self._high, score)
        self._writer.write(
            annotate(
                frame_rgb,
                heat,
                np.array(self._recent),
                normal.frame_q99 if normal else None,
                self._drawn_limits(),
                self._info.fps,
                index,
            )
        )

    def close(self, result: VideoScores) -> Path:
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


def _limits(info: SourceInfo) -> tuple[float, float]:
    """Where the curve's axis starts out; scores beyond it widen it.

    With a normal reference the level stands at two fifths of the height, so that normal scores
    look low from the first frame on. Without one the axis is what the scores so far span.
    """
    if info.normal is None:
        return math.inf, -math.inf
    median, level = info.normal.frame_q50, info.normal.frame_q99
    return 2 * median - level, level + 3 * (level - median)
