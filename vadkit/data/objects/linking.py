"""Boxes of consecutive frames linked to tracks, by how much they overlap."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment


def link_boxes(
    frame: np.ndarray, xyxy: np.ndarray, *, overlap: float = 0.3, patience: int = 10
) -> np.ndarray:
    """Return the number of the track (n,), from 0, of boxes ``xyxy`` (n, 4) in frames (n,).

    Frames ascend. A track's next box is expected where its last speed takes it; the boxes of a
    frame are given to tracks so that the sum of intersections over unions with the expected boxes
    is highest, but none with less than ``overlap``. Other boxes start tracks. A track without a box
    for more than ``patience`` frames ends. Two objects that cross may exchange their numbers:
    appearance is not compared.
    """
    xyxy = np.asarray(xyxy, np.float64)
    tracks = np.empty(len(frame), np.int64)
    # Of each track that may continue: its number, and its last frame, box and speed.
    numbers: np.ndarray = np.empty(0, np.int64)
    last: np.ndarray = np.empty(0, np.int64)
    boxes: np.ndarray = np.empty((0, 4))
    speeds: np.ndarray = np.empty((0, 4))
    total = 0
    for now, start, stop in _runs(frame):
        alive = now - last <= patience + 1
        numbers, last, boxes, speeds = numbers[alive], last[alive], boxes[alive], speeds[alive]
        own = xyxy[start:stop]
        expected = boxes + speeds * (now - last)[:, None]
        shares = overlaps(expected, own)
        old, new = linear_sum_assignment(-shares)
        good = shares[old, new] >= overlap
        old, new = old[good], new[good]
        tracks[start + new] = numbers[old]
        speeds[old] = (own[new] - boxes[old]) / (now - last[old])[:, None]
        boxes[old], last[old] = own[new], now
        others = np.setdiff1d(np.arange(stop - start), new)
        fresh = np.arange(total, total + len(others))
        total += len(others)
        tracks[start + others] = fresh
        numbers, last = np.r_[numbers, fresh], np.r_[last, np.full(len(others), now)]
        boxes = np.concatenate([boxes, own[others]])
        speeds = np.concatenate([speeds, np.zeros((len(others), 4))])
    return tracks


def averaged(frame: np.ndarray, track: np.ndarray, scores: np.ndarray, memory: float) -> np.ndarray:
    """Return scores (n,) of boxes averaged over the past of their tracks.

    Frames ascend. Each earlier frame has ``memory`` times the weight of the next one, and frames
    without the track count for the decay only, so a track that starts has its own score.
    """
    found = np.empty(len(scores), np.float64)
    # Of each track: its last frame, and the weighted sums of scores and of weights.
    past: dict[int, tuple[int, float, float]] = {}
    for row, (now, name) in enumerate(zip(frame.tolist(), track.tolist(), strict=True)):
        last, total, weight = past.get(name, (now, 0.0, 0.0))
        decay = memory ** (now - last)
        total, weight = total * decay + float(scores[row]), weight * decay + 1
        past[name] = now, total, weight
        found[row] = total / weight
    return found


def overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return intersections over unions (n, m) of boxes (n, 4) and (m, 4)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    areas = [(one[:, 2:] - one[:, :2]).prod(axis=1) for one in (first, second)]
    union = areas[0][:, None] + areas[1][None] - shared
    found: np.ndarray = shared / np.maximum(union, 1e-9)
    return found


def _runs(frame: np.ndarray) -> list[tuple[int, int, int]]:
    """Return each frame with the range of its rows."""
    values, starts = np.unique(frame, return_index=True)
    stops = [*starts.tolist()[1:], len(frame)][: len(values)]
    return list(zip(values.tolist(), starts.tolist(), stops, strict=True))
