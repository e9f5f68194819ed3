"""Figures in front of a static background, tracked from frame to frame while they are alone."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

# The difference from the background for foreground, plus three times the usual difference.
_DIFFERS = 12.0
# The smallest and the largest figure, as shares of the frame.
_SMALLEST, _LARGEST = 0.0008, 0.15
# The allowed change of a figure's area between frames; a larger one means that two met or parted.
_AREA_CHANGE = 1.6
_SHORTEST = 8
# A figure counts as moving if it moves by this share of its height.
_MOVES = 0.25


@dataclass(frozen=True)
class FigureTrack:
    """One figure in consecutive frames: ``first``, and boxes (n, 4) x1, y1, x2, y2 in pixels.

    ``numbers`` (n,) are the figure's numbers in ``Scene.figures``.
    """

    first: int
    boxes: np.ndarray
    numbers: np.ndarray

    def __len__(self) -> int:
        """The number of frames."""
        return len(self.boxes)

    @property
    def last(self) -> int:
        """The last frame of the figure."""
        return self.first + len(self) - 1

    @property
    def height(self) -> float:
        """The median height in pixels."""
        return float(np.median(self.boxes[:, 3] - self.boxes[:, 1]))

    def middle(self, time: float) -> np.ndarray:
        """Return its centre at a time in frames, (x, y); the steps of walking are smoothed out."""
        times = np.arange(self.first, self.last + 1)
        near = np.abs(times - time) <= max(4.0, np.abs(times - time).min())
        middles = (self.boxes[near, :2] + self.boxes[near, 2:]) / 2
        slope = self.velocity(time)
        middle: np.ndarray = middles.mean(axis=0) + slope * (time - times[near].mean())
        return middle

    def velocity(self, time: float) -> np.ndarray:
        """Return pixels per frame (x, y) around a time, from centres up to 4 frames away."""
        times = np.arange(self.first, self.last + 1)
        near = np.argsort(np.abs(times - time), kind="stable")[:9]
        middles = (self.boxes[near, :2] + self.boxes[near, 2:]) / 2
        velocity: np.ndarray = np.polyfit(times[near] - time, middles, 1)[0]
        return velocity


def find_foreground(frames_NHWC: np.ndarray, background_HWC: np.ndarray) -> np.ndarray:
    """(N, H, W) uint8: connected foreground, numbered from 1 in each frame; 0 is background."""
    behind = _blurred(background_HWC)
    height, width = behind.shape
    # As tall as half of a small person: joins legs to the body, but not two people side by side.
    upright = np.ones((max(3, height // 30), max(1, width // 120)), np.uint8)
    smallest = max(12.0, _SMALLEST * height * width)
    found = np.zeros((len(frames_NHWC), height, width), np.uint8)
    for numbers, frame in zip(found, frames_NHWC, strict=True):
        difference = _blurred(frame) - behind
        # The whole image may have become brighter.
        difference = np.abs(difference - np.median(difference[::3, ::3]))
        seen = (difference > _DIFFERS + 3 * np.median(difference[::3, ::3])).astype(np.uint8)
        seen = cv2.morphologyEx(seen, cv2.MORPH_CLOSE, upright)
        _, labels, stats, _ = cv2.connectedComponentsWithStats(seen)
        large = [n for n in range(1, len(stats)) if stats[n, cv2.CC_STAT_AREA] >= smallest][:254]
        names = np.zeros(len(stats), np.uint8)
        names[large] = np.arange(1, len(large) + 1)
        numbers[:] = names[labels]
    return found


def _blurred(picture_HWC: np.ndarray) -> np.ndarray:
    grey = picture_HWC.mean(axis=2, dtype=np.float32)
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), 1.0))


def find_tracks(figures_NHW: np.ndarray) -> list[FigureTrack]:
    """Return tracks of moving figures that touch neither other figures nor the frame's edge."""
    height, width = figures_NHW.shape[1:]
    open_: list[tuple[int, list[np.ndarray], list[int]]] = []
    done: list[tuple[int, list[np.ndarray], list[int]]] = []
    before = np.zeros((height, width), np.uint8)
    for time, numbers in enumerate(figures_NHW):
        count = int(numbers.max())
        boxes = {
            number: box
            for number, box in boxes_of(numbers).items()
            if box[0] > 0 and box[1] > 0 and box[2] < width and box[3] < height
        }
        areas = np.bincount(numbers.ravel(), minlength=count + 1)
        areas_before = np.bincount(before.ravel(), minlength=256)
        # The number of pixels that each figure shares with each figure of the previous frame.
        pairs = before.ravel().astype(np.int64) * (count + 1) + numbers.ravel()
        shared = np.bincount(pairs, minlength=256 * (count + 1)).reshape(256, count + 1)
        after: list[tuple[int, list[np.ndarray], list[int]]] = []
        followed = set()
        for track in open_:
            last = track[2][-1]
            (heirs,) = np.nonzero(shared[last, 1:])
            heir = int(heirs[0]) + 1 if len(heirs) == 1 else 0
            alone = heir and np.count_nonzero(shared[1:, heir]) == 1
            change = areas[heir] / max(areas_before[last], 1) if alone else 0.0
            if alone and 1 / _AREA_CHANGE < change < _AREA_CHANGE and heir in boxes:
                track[1].append(boxes[heir])
                track[2].append(heir)
                after.append(track)
                followed.add(heir)
            else:
                done.append(track)
        after += [
            (time, [box], [number]) for number, box in boxes.items() if number not in followed
        ]
        open_, before = after, numbers
    tracks = [FigureTrack(first, np.stack(b), np.array(n)) for first, b, n in [*done, *open_]]
    large = _LARGEST * height * width
    return [
        track
        for track in sorted(tracks, key=lambda track: (track.first, track.boxes[0].tolist()))
        if len(track) >= _SHORTEST
        and np.median(np.prod(track.boxes[:, 2:] - track.boxes[:, :2], axis=1)) <= large
        and np.linalg.norm(track.middle(track.last) - track.middle(track.first))
        >= max(2.0, _MOVES * track.height)
    ]


def boxes_of(numbers_HW: np.ndarray) -> dict[int, np.ndarray]:
    """Return boxes (4,) x1, y1, x2, y2 of the figures of a frame."""
    return {
        number: np.array([place[1].start, place[0].start, place[1].stop, place[0].stop])
        for number, place in enumerate(ndimage.find_objects(numbers_HW), 1)
        if place is not None
    }
