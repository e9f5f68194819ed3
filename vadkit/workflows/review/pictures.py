"""A picture and a clip of an unusual stretch, with the place of its peak."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vadkit.errors import DataError
from vadkit.workflows.review.stretches import Unusual

if TYPE_CHECKING:
    from vadkit.data.decoding.child import Worker
    from vadkit.inference.frame_score import FrameScore
    from vadkit.inference.sources.source import Frame
    from vadkit.workflows.detector import Detector

# A clip has so many seconds before and after the peak.
_BEFORE_S, _AFTER_S = 3.0, 2.0
# The picture is the frame with the highest score, at most this far from the peak.
_NEAR_S = 0.5
# Videos are read from the start up to here; later places are sought, which is less exact.
_READ_S = 15.0


def write_picture(
    detector: Detector, worker: Worker, stretch: Unusual, path: Path, folder: Path, name: str
) -> dict[str, Any]:
    """Write ``NAME.jpg`` and ``NAME.mp4``; return the ``region`` and ``part`` of the peak.

    They are the scores of the present model. ``worker`` decodes. Returns nothing if the video
    cannot be read.
    """
    from vadkit.files import write_bytes
    from vadkit.inference.alarms import raised_by
    from vadkit.inference.boxes import find_boxes
    from vadkit.inference.clip_ring import ClipFrame, jpeg
    from vadkit.inference.sinks.events import write_clip
    from vadkit.reports.marks import draw_boxes

    peak = stretch.peak / stretch.fps
    spec = detector.method.clip.scoring
    before = max(_BEFORE_S, spec.span / (spec.fps or stretch.fps) + _NEAR_S)
    frames: list[Frame] = []
    with contextlib.suppress(DataError):
        frames = list(_frames(detector, worker, path, peak - before, peak + _AFTER_S))
    best = _peak(detector, frames, peak, stretch.fps)
    if best is None:
        return {}
    high, wide = best.frame.shape[:2]
    boxes = [] if best.map is None else find_boxes(best.map, (high, wide), evidence=best.evidence)
    shares = [(x1 / wide, y1 / high, x2 / wide, y2 / high) for (x1, y1, x2, y2), *_ in boxes]
    write_bytes(folder / f"{name}.jpg", jpeg(draw_boxes(best.frame, shares), 960))
    every = max(1, round(stretch.fps / 10))
    kept = [ClipFrame(one.time, jpeg(one.image, 640)) for one in frames[::every]]
    write_clip(folder / f"{name}.mp4", tuple(kept))
    region = list(boxes[0].box) if boxes else None
    return {"region": region, "part": raised_by(best.parts)}


def _peak(detector: Detector, frames: list[Frame], peak: float, fps: float) -> FrameScore | None:
    best = None
    for one in detector.stream(frames, fps=fps):
        near = abs(one.time - peak) <= _NEAR_S and math.isfinite(one.raw)
        if near and (best is None or one.raw > best.raw):
            best = one
    return best


def _frames(
    detector: Detector, worker: Worker, path: Path, start: float, stop: float
) -> Iterator[Frame]:
    """Yield the frames of a video between two times, with their times."""
    if path.is_file() and start > _READ_S and (found := list(_sought(path, start, stop))):
        yield from found
        return
    from vadkit.inference.sources.files import FileSource
    from vadkit.inference.sources.source import Frame

    source = FileSource(path, **detector.settings.get("file", {}))
    source.worker = worker
    reading: Any = source.read()
    with contextlib.closing(reading):
        for item in reading:
            if isinstance(item, Frame) and item.time >= start:
                if item.time > stop:
                    return
                yield item


def _sought(path: Path, start: float, stop: float) -> Iterator[Frame]:
    """Yield frames from the key frame before ``start`` on, without reading what is before it."""
    import cv2

    from vadkit.inference.sources.source import Frame

    video = cv2.VideoCapture(str(path))
    try:
        video.set(cv2.CAP_PROP_POS_MSEC, 1000 * start)
        last = -math.inf
        while True:
            done, image = video.read()
            time = video.get(cv2.CAP_PROP_POS_MSEC) / 1000
            if not done or time > stop:
                return
            if time > last and time >= start - 1:
                last = time
                yield Frame(time, cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
    finally:
        video.release()
