"""Prepare a frame for clips: resize it, and add the flow and boxes that the method needs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from vadkit.data.aspect import check_aspect
from vadkit.data.clips.extras import boxes_in_clip
from vadkit.data.decoding.resize import to_size
from vadkit.data.flow import Flow
from vadkit.data.flow.stored import at_pace, half
from vadkit.data.objects import FrameBoxes, FrameFinder, boxes_of_frames
from vadkit.data.pace import Beat, Pacer
from vadkit.data.videos import ClipSpec
from vadkit.inference.sources.source import Frame
from vadkit.inference.window import Prepared


def prepare(
    frames: Iterator[Frame],
    spec: ClipSpec,
    flow: Flow | None,
    objects: FrameFinder | None,
    pacer: Pacer,
) -> Iterator[Prepared]:
    """Yield frames for windows, in order; ``index`` also counts missing frames.

    Only frames that ``pacer`` picks are resized and searched for motion and objects.
    A finder that looks ahead delays frames until it answers.
    """
    index, previous = -1, None
    paced = ((frame, pacer.at(frame.time, anew=frame.starts_anew)) for frame in frames)
    for frame, beat, found in _with_objects(paced, objects if spec.boxes is not None else None):
        index += 1 + frame.missed
        if not beat.picked:
            nothing = np.empty((0, 0, 0), np.uint8)
            yield Prepared(
                index,
                frame.time,
                frame.image,
                nothing,
                arrived=frame.arrived,
                pace=beat.since_frame,
                picked=False,
            )
            continue
        small = frame.image
        if index == 0 and small.shape[:2] != spec.size:
            check_aspect(spec.aspect, small.shape[:2])
        if small.shape != (*spec.size, spec.planes):
            small = to_size(small, spec.size, spec.channels)
        moved = boxes = None
        if spec.flow and flow is not None:
            # Same as in the store: zeros before the first frame, and float16.
            moved = np.zeros((*spec.size, 2), np.float16)
            if previous is not None and not frame.starts_anew:
                moved = half(at_pace(flow(previous, small), beat.since_pick))
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
            beat.since_frame,
        )


def _with_objects(
    frames: Iterator[tuple[Frame, Beat]], objects: FrameFinder | None
) -> Iterator[tuple[Frame, Beat, FrameBoxes | None]]:
    if objects is None:
        yield from ((frame, beat, None) for frame, beat in frames)
        return
    # Frames that the finder holds back are kept until they are scored.
    frames, seen = itertools.tee(frames)
    found = objects.stream(frame.image for frame, beat in seen if beat.picked)
    for frame, beat in frames:
        yield frame, beat, next(found) if beat.picked else None
