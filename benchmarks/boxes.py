"""Do the boxes of alarms sit on what is abnormal? Measured on the pixel masks of UCSD Ped2.

    python benchmarks/boxes.py RUN shared/data/ped2

RUN is a trained run, for example of the recipe ped2/motion-field. Every test frame whose score
reaches the alarm threshold and which has abnormal pixels counts. Three kinds of boxes are compared:
the region of the score map around its peak, the same region cut into the things in it, and all
boxes that an event would have. Printed are, for the first box of each frame: the mean of
intersection over union (IoU) with the box around the abnormal object that it fits best, the share
of frames with an IoU of 0.5 or more, the share of the box that is abnormal, and the distance of its
centre from that of the object, in pixels along the object's motion (negative: behind it). Then, for
all boxes: how many there are a frame, the share of objects with a box of IoU 0.3 or more, and the
share of boxes without any abnormal pixel.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import find_objects, label

from vadkit.inference.boxes import find_boxes
from vadkit.inference.frame_score import FrameScore
from vadkit.workflows.detector import load_detector

# Objects of fewer pixels are parts that another object covers.
_LEAST_PIXELS = 60
# The frames over which the motion of an object is measured, and the least distance.
_BEFORE, _MOVED = 5, 2.0
_SIZE = (240, 360)

Corners = tuple[int, int, int, int]


def objects(mask: np.ndarray) -> list[Corners]:
    """Return the boxes around the abnormal objects of a frame."""
    numbers, _ = label(mask)
    found = []
    for number, (rows, columns) in enumerate(find_objects(numbers), start=1):
        if (numbers[rows, columns] == number).sum() >= _LEAST_PIXELS:
            found.append((columns.start, rows.start, columns.stop, rows.stop))
    return found


def iou(one: Corners, other: Corners) -> float:
    """Return the intersection over union of two boxes."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(wide, 0) * max(high, 0)
    area = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return shared / (area - shared)


def centre(box: Corners) -> np.ndarray:
    """Return the centre (x, y) of a box."""
    return np.array([box[0] + box[2], box[1] + box[3]]) / 2


def offset(box: Corners, target: Corners, before: list[Corners]) -> float | None:
    """Return how far ahead of an object a box is along its motion; None if this is unknown."""
    near = [one for one in before if iou(one, target) > 0.2]
    if not near or any(one[0] <= 2 or one[2] >= _SIZE[1] - 2 for one in (target, *near)):
        return None
    motion = centre(target) - centre(max(near, key=lambda one: iou(one, target)))
    length = np.hypot(*motion)
    return float((centre(box) - centre(target)) @ motion / length) if length > _MOVED else None


def measure(frames: list[tuple[FrameScore, np.ndarray, np.ndarray]], kind: str) -> dict[str, float]:
    """Measure boxes of a kind on frames with their masks, now and some frames before."""
    columns: dict[str, list[Any]] = {
        name: [] for name in ("iou", "iou>=0.5", "abnormal", "ahead", "boxes", "found", "false")
    }
    for frame, mask, earlier in frames:
        assert frame.map is not None
        evidence = None if kind == "region" else frame.evidence
        found = find_boxes(frame.map, _SIZE, frame.threshold, evidence)
        boxes = [one.box for one in found][: None if kind == "all" else 1]
        targets = objects(mask)
        if not targets or not boxes:
            continue
        first = boxes[0]
        target = max(targets, key=lambda one: iou(first, one))
        columns["iou"].append(iou(first, target))
        columns["iou>=0.5"].append(iou(first, target) >= 0.5)
        columns["abnormal"].append(mask[first[1] : first[3], first[0] : first[2]].mean())
        columns["ahead"].append(offset(first, target, objects(earlier)))
        columns["boxes"].append(len(boxes))
        columns["found"] += [max(iou(box, one) for box in boxes) >= 0.3 for one in targets]
        columns["false"] += [not mask[box[1] : box[3], box[0] : box[2]].any() for box in boxes]
    return {
        name: float(np.mean([one for one in values if one is not None]))
        for name, values in columns.items()
    }


def scored(run: Path, data: Path) -> Iterator[tuple[FrameScore, np.ndarray, np.ndarray]]:
    """Yield the alarm frames of the test videos with abnormal pixels, and their masks."""
    detector = load_detector(run)
    packed = np.load(data / "pixel_masks_packbits.npz")
    for name in sorted(packed.files):
        masks = np.unpackbits(packed[name], axis=-1)[..., : _SIZE[1]].astype(bool)
        number = int("".join(filter(str.isdigit, name)))
        for frame in detector.stream(data / "testing" / f"{number:02}.mp4"):
            if frame.raw >= detector.threshold and masks[frame.index].any():
                earlier = masks[max(0, frame.index - _BEFORE)]
                yield frame, masks[frame.index], earlier


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    frames = list(scored(Path(sys.argv[1]), Path(sys.argv[2])))
    print(f"{len(frames):,} frames")
    for kind in ("region", "first", "all"):
        found = measure(frames, kind)
        print(f"{kind:7}", "  ".join(f"{name} {value:.3f}" for name, value in found.items()))


if __name__ == "__main__":
    main()
