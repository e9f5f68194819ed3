"""Prepare a frame for clips: resize it, and add the flow and boxes that the method needs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from vadkit.data.clips.extras import boxes_in_clip
from vadkit.data.decoding.resize import to_size
from vadkit.data.flow import Flow
from vadkit.data.objects import FrameBoxes, FrameFinder, boxes_of_frames
from vadkit.data.videos import ClipSpec
from vadkit.inference.sources.source import Frame
from vadkit.inference.window import Prepared


def prepare(
    frames: Iterator[Frame], spec: ClipSpec, flow: Flow | None, objects: FrameFinder | None
) -> Iterator[Prepared]:
    """Yield frames for windows, in order; ``index`` also counts missing frames.

    A finder that looks ahead delays frames until it answers.
    """
    index, previous = -1, None
    for frame, found in _with_objects(frames, objects if spec.boxes is not None else None):
        index += 1 + frame.missed
        small = frame.image
        if small.shape != (*spec.size, spec.planes):
            small = to_size(small, spec.size, spec.channels)
        moved = boxes = None
        if spec.flow and flow is not None:
            # Same as in the store: zeros before the first frame, and float16.
            moved = np.zeros((*spec.size, 2), np.float16)
            if previous is not None and not frame.starts_anew:
                moved = flow(previous, small).astype(np.float16)
            previous = small
        if found is not None:
            whole = frame.image.shape[:2]
            boxes = boxes_in_clip(boxes_of_frames([found]), whole, spec.size).xyxy
        yield Prepared(
            index,
            frame.time,
            frame.image,
            small,
            moved,
            boxes,
            frame.missed,
            frame.arrived,
            frame.cut,
        )


def _with_objects(
    frames: Iterator[Frame], objects: FrameFinder | None
) -> Iterator[tuple[Frame, FrameBoxes | None]]:
    if objects is None:
        return ((frame, None) for frame in frames)
    # Frames that the finder holds back are kept until they are scored.
    frames, seen = itertools.tee(frames)
    return zip(frames, objects.stream(frame.image for frame in seen), strict=True)
