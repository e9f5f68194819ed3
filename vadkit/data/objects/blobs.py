"""Objects as differences from the background, without a detector."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Annotated

import numpy as np
from pydantic import Field

from vadkit.data.objects import Boxes, FrameBoxes, boxes_of_frames, within_frame
from vadkit.data.videos import Video

# The longer side of the frames is reduced to this: it is faster, and noise averages out.
_LONG_SIDE = 320
# The number of evenly spread frames, among the first ones, for the median.
_MEDIAN_FRAMES = 60
# MOG2's value for pixels of objects; shadows get 127.
_FOREGROUND = 255
# Red, green and blue of a gray picture differ by less than this on average, after coding.
_GRAY_SPREAD = 3.0


class Blobs:
    """Moving objects in front of a static background, for a fixed camera; needs no weights.

    A mixture of Gaussians per pixel (Zivkovic, ICPR 2004, OpenCV's MOG2) learns the background,
    starting with the median of the first ``warmup`` frames; connected pixels that do not match it
    are a box. Objects that touch share one box. What stands still for ``patience`` frames becomes
    background. ``threshold`` is the squared distance from the background, in variances, at which a
    pixel is foreground. Boxes with fewer pixels than ``min_area`` of the frame are dropped. The
    score is the share of the box that is foreground.
    """

    reads_frames = True

    def __init__(
        self,
        *,
        min_area: Annotated[float, Field(ge=0, le=1)] = 0.001,
        threshold: Annotated[float, Field(gt=0)] = 25.0,
        patience: Annotated[int, Field(ge=1)] = 500,
        warmup: Annotated[int, Field(ge=1)] = 300,
    ) -> None:
        self.min_area = min_area
        self.threshold = threshold
        self.patience = patience
        self.warmup = warmup

    def __call__(self, video: Video, length: int, frames: Iterator[np.ndarray]) -> Boxes:
        """Return the boxes of every frame, including the first ones."""
        return boxes_of_frames(list(self.stream(frames)))

    def stream(self, frames: Iterator[np.ndarray]) -> Iterator[FrameBoxes]:
        """Yield the boxes of each frame; the first ones come after ``warmup`` frames."""
        import cv2

        smalls = ((frame.shape[:2], _small(frame)) for frame in frames)
        first = list(itertools.islice(smalls, self.warmup))
        if not first:
            return
        # With the first frame alone, a person in it would be learned as background.
        spread = first[:: -(-len(first) // _MEDIAN_FRAMES)]
        background = np.median([small for _, small in spread], axis=0).astype(np.uint8)
        model = cv2.createBackgroundSubtractorMOG2(
            varThreshold=self.threshold, detectShadows=_has_colour(background)
        )
        # A new colour counts as background when the old one's weight falls below the ratio.
        rate = -math.log(model.getBackgroundRatio()) / self.patience
        model.apply(background, learningRate=1)
        for size, small in itertools.chain(first, smalls):
            yield _boxes(np.asarray(model.apply(small, learningRate=rate)), size, self.min_area)


def _boxes(seen_HW: np.ndarray, size: tuple[int, ...], min_area: float) -> FrameBoxes:
    """Return boxes in a frame of ``size`` (height, width) from MOG2's output."""
    import cv2

    mask = (seen_HW == _FOREGROUND).astype(np.uint8)
    # Opening removes specks and thin edges; closing joins the parts of an upright person.
    mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)))
    mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((7, 3), np.uint8)))
    # The first component is the background.
    stats = np.asarray(cv2.connectedComponentsWithStats(mask)[2])[1:].astype(np.float64)
    corner, sides, area = stats[:, :2], stats[:, 2:4], stats[:, 4]
    large = area >= min_area * mask.size
    height, width = size
    scale = np.tile([width / mask.shape[1], height / mask.shape[0]], 2)
    xyxy = np.hstack([corner, corner + sides])[large] * scale
    score = (area / sides.prod(axis=1))[large]
    return within_frame(FrameBoxes(xyxy, score, np.full(len(score), -1)), height, width)


def _has_colour(picture_HWC: np.ndarray) -> bool:
    """Whether it has colour: without it, anyone darker than the ground looks like a shadow."""
    spread = picture_HWC.max(axis=-1).astype(int) - picture_HWC.min(axis=-1)
    return bool(spread.mean() > _GRAY_SPREAD)


def _small(frame_HWC: np.ndarray) -> np.ndarray:
    import cv2

    height, width = frame_HWC.shape[:2]
    scale = _LONG_SIDE / max(height, width)
    if scale >= 1:
        return frame_HWC
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(frame_HWC, inner, interpolation=cv2.INTER_AREA))
