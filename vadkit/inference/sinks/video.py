"""Write the video with its heat map and a scrolling score curve."""

from __future__ import annotations

import math
from pathlib import Path
from typing import ClassVar

from vadkit.inference.alarms import Event
from vadkit.inference.boxes import find_boxes
from vadkit.inference.frame_score import FrameScore
from vadkit.inference.sinks.drawing import Drawing
from vadkit.inference.sinks.sink import SourceInfo, VideoScores, file_for


class AnnotatedVideo:
    """MP4 of the video with its heat map, and below it the scores of the last seconds.

    During an alarm, boxes are around what causes it. Places that are ignored are shaded.
    For a calibrated run, the curve shows the live score and the threshold; otherwise, the raw score
    and the level of training frames. The heat map is drawn if the method gives score maps and the
    run has a normal reference for them; ``heat: false`` leaves it out. Drawing and encoding run in
    a process of their own.
    """

    live: ClassVar[bool] = True
    shows_events: ClassVar[bool] = False

    def __init__(self, out: Path, *, heat: bool = True) -> None:
        self.out = out
        self.heat = heat
        self._info: SourceInfo | None = None
        self._drawing: Drawing | None = None

    def open(self, info: SourceInfo) -> None:
        self._info = info
        self._low, self._high = _limits(info)
        settings = {
            "fps": info.fps,
            "level": _level(info),
            "is_threshold": info.calibration is not None,
            "places": [zone.polygon for zone in info.zones],
        }
        self._drawing = Drawing(file_for(self.out, info.name, ".mp4"), settings, info.normal)

    def frame(self, seen: FrameScore) -> None:
        if self._info is None or self._drawing is None:
            raise RuntimeError("frame() before open()")
        score = seen.raw if self._info.calibration is None else seen.score
        if math.isfinite(score):
            self._low, self._high = min(self._low, score), max(self._high, score)
        self._drawing.put(
            seen.frame,
            seen.map if self.heat else None,
            {
                "index": seen.index,
                "time": seen.time,
                "score": score,
                "limits": self._drawn_limits(),
                "raised_by": seen.raised_by,
                "boxes": _boxes(seen),
            },
        )

    def event(self, event: Event) -> None:
        """Do nothing: the curve shows alarms."""

    def close(self, result: VideoScores | None) -> Path:
        if self._drawing is None:
            raise RuntimeError("close() before open()")
        drawing, self._drawing = self._drawing, None
        return drawing.close()

    def abort(self) -> None:
        if self._drawing is not None:
            self._drawing.abort()
            self._drawing = None

    def _drawn_limits(self) -> tuple[float, float]:
        if not self._high > self._low:
            return (0.0, 1.0) if math.isinf(self._low) else (self._low - 0.5, self._low + 0.5)
        return self._low, self._high + 0.05 * (self._high - self._low)


def _boxes(seen: FrameScore) -> list[list[float]]:
    """Return the boxes of a frame of an alarm, as shares of width and height."""
    if not seen.alarm or seen.map is None:
        return []
    high, wide = seen.frame.shape[:2]
    found = find_boxes(seen.map, (high, wide), seen.threshold, seen.evidence)
    return [[x1 / wide, y1 / high, x2 / wide, y2 / high] for (x1, y1, x2, y2), *_ in found]


def _level(info: SourceInfo) -> float | None:
    """Return the level to draw, in the unit of the drawn score."""
    if info.calibration is not None:
        return info.calibration.threshold
    return info.normal.frame_q99 if info.normal else None


def _limits(info: SourceInfo) -> tuple[float, float]:
    """Return the initial limits of the curve's axis; scores outside extend it.

    With a normal reference, the level is near the middle of the height, so normal scores look low
    from the first frame on. Without one, the axis covers the scores so far.
    """
    level = _level(info)
    if level is None:
        return math.inf, -math.inf
    known, normal = info.calibration, info.normal
    median = known.usual if known is not None else normal.frame_q50 if normal else level
    gap = level - median
    return median - 0.25 * gap, level + gap
