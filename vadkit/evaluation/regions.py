"""Abnormal regions of frames, from masks or boxes, and their detection by maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


class Tracks(NamedTuple):
    """Abnormal objects over time: ``size`` (H, W) of the frames; frames and boxes of each object.

    Frames are (n,) ints from 0; boxes are (n, 4) x1, y1, x2, y2 in pixels.
    """

    size: tuple[int, int]
    objects: Sequence[tuple[np.ndarray, np.ndarray]]


class Region(NamedTuple):
    """A labelled region of one frame: the number of its track, its corner and its pixels (h, w)."""

    track: int
    top: int
    left: int
    pixels: np.ndarray


class Truth(NamedTuple):
    """The abnormal regions of one video as boxes, for the comparison with detections.

    ``frame`` and ``track`` (n,) are int64 from 0; ``xyxy`` (n, 4) float64, and both corners of a
    box are inside it.
    """

    frame: np.ndarray
    track: np.ndarray
    xyxy: np.ndarray


class Found(NamedTuple):
    """Which regions of a frame are found, (regions,) bool, and the number of false detections."""

    regions: np.ndarray
    false: int


def regions_of_masks(masks: np.ndarray) -> list[list[Region]]:
    """Return the regions of each frame of masks (N, H, W), with track numbers from 0.

    Regions are connected components (8 neighbours). If the dataset has no track numbers, components
    of consecutive frames that share a pixel form one track. Objects that touch become one region,
    and an object that leaves and returns becomes two tracks.
    """
    labelled: list[tuple[int, np.ndarray, np.ndarray]] = []
    links: list[np.ndarray] = []
    total, before = 0, None
    for mask in masks:
        count, labels, boxes, _ = cv2.connectedComponentsWithStats(
            np.asarray(mask, dtype=np.uint8), connectivity=8
        )
        # Numbered over the whole video; the background is -1.
        numbers = np.where(labels > 0, labels + (total - 1), -1)
        if before is not None:
            both = (numbers >= 0) & (before >= 0)
            links.append(np.unique(np.stack([before[both], numbers[both]], axis=1), axis=0))
        labelled.append((total, labels, boxes))
        total, before = total + count - 1, numbers
    tracks = _linked(total, links)
    return [
        [
            Region(int(tracks[first + n - 1]), *_cut(labels, boxes[n], n))
            for n in range(1, len(boxes))
        ]
        for first, labels, boxes in labelled
    ]


def regions_of_tracks(tracks: Tracks, frames: int) -> list[list[Region]]:
    """Return the boxes of tracks as filled regions of ``frames`` frames, cut to the frame's size.

    A pixel belongs to a box if its centre does. Frames from ``frames`` on, and boxes completely
    outside the frame, are left out.
    """
    height, width = tracks.size
    found: list[list[Region]] = [[] for _ in range(frames)]
    for track, (numbers, boxes) in enumerate(tracks.objects):
        for number, box in zip(np.asarray(numbers).tolist(), np.asarray(boxes), strict=True):
            edges = np.clip(np.rint(box).astype(int), 0, [width, height, width, height])
            left, top, right, bottom = edges.tolist()
            if 0 <= number < frames and left < right and top < bottom:
                pixels = np.ones((bottom - top, right - left), bool)
                found[number].append(Region(track, top, left, pixels))
    return found


def truth_of_masks(masks: np.ndarray) -> Truth:
    """Return the boxes around the regions of masks (N, H, W), see ``regions_of_masks``."""
    rows = [
        (number, one.track, one.left, one.top, *np.add((one.left, one.top), one.pixels.shape[::-1]))
        for number, regions in enumerate(regions_of_masks(masks))
        for one in regions
    ]
    table = np.array(rows, np.float64).reshape(-1, 6)
    # The last column and row of a region are inside it.
    table[:, 4:] -= 1
    return Truth(table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2:])


def truth_of_tracks(tracks: Tracks) -> Truth:
    """Return the boxes of tracks as they are written, with both corners inside."""
    frames = [np.asarray(numbers, np.int64) for numbers, _ in tracks.objects]
    counts = [len(one) for one in frames]
    return Truth(
        np.concatenate([np.empty(0, np.int64), *frames]),
        np.repeat(np.arange(len(counts)), counts),
        np.concatenate([np.empty((0, 4)), *(boxes for _, boxes in tracks.objects)]),
    )


def find_regions(
    detected: np.ndarray, regions: Sequence[Region], *, beta: float, min_area: int
) -> Found:
    """Compare the connected components of a frame's detected pixels (H, W) with its regions.

    Components have 8-connectivity; those smaller than ``min_area`` pixels are dropped. A region is
    found if its intersection over union with a component is at least ``beta``. A component that
    reaches this with no region is false.
    """
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(
        detected.view(np.uint8), connectivity=8
    )
    areas = boxes[:, cv2.CC_STAT_AREA].astype(np.int64)
    kept = areas >= min_area
    kept[0] = False
    used = np.zeros(count, bool)
    found = np.zeros(len(regions), bool)
    for number, region in enumerate(regions):
        height, width = region.pixels.shape
        under = labels[region.top : region.top + height, region.left : region.left + width]
        shared = np.bincount(under[region.pixels], minlength=count)
        union = np.count_nonzero(region.pixels) + areas - shared
        # Slightly less: a tenth of 30 pixels is 3, but the floating-point product is slightly more.
        matched = kept & (shared >= beta * union - 1e-9)
        found[number] = matched.any()
        used |= matched
    return Found(found, int(np.count_nonzero(kept & ~used)))


def _linked(count: int, links: list[np.ndarray]) -> np.ndarray:
    pairs = np.concatenate(links) if links else np.empty((0, 2), np.int64)
    graph = coo_array((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), (count, count))
    return connected_components(graph, directed=False)[1] if count else np.empty(0, np.int64)


def _cut(labels: np.ndarray, box: np.ndarray, number: int) -> tuple[int, int, np.ndarray]:
    left, top, width, height = box[:4].tolist()
    return top, left, labels[top : top + height, left : left + width] == number
