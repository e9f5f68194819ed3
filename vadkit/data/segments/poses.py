"""Poses of a video as one row of numbers a frame, and windows of a person's poses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from vadkit.data.objects.pose_tracks import PoseRows
from vadkit.data.objects.skeleton import JOINTS

# Numbers of a person in a row: the track from 1 on, 0 for an empty place, and the joints.
PERSON = 1 + 3 * JOINTS


class Tracks(NamedTuple):
    """Stretches of people's poses in consecutive frames, one after another.

    ``points`` (n, 18, 3) float32; stretch s has the poses from ``starts[s]`` to ``starts[s + 1]``,
    and begins in frame ``frames[s]``.
    """

    points: np.ndarray
    starts: np.ndarray
    frames: np.ndarray


def pose_rows(rows: PoseRows, frames: int, people: int) -> np.ndarray:
    """Return a row (1 + people * PERSON) float32 for each frame: its number, then its people.

    Of more than ``people`` in a frame, the tallest are kept.
    """
    tall = np.ptp(rows.points[:, :, 1], axis=1)
    order = np.lexsort((-tall, rows.frame))
    frame = rows.frame[order]
    place = np.arange(len(frame)) - np.searchsorted(frame, frame)
    kept = place < people
    _, number = np.unique(rows.track, return_inverse=True)
    values = np.column_stack([number + 1, rows.points.reshape(len(rows), PERSON - 1)])
    out = np.zeros((frames, people, PERSON), np.float32)
    out[frame[kept], place[kept]] = values[order][kept]
    return np.column_stack([np.arange(frames, dtype=np.float32), out.reshape(frames, -1)])


def tracks_of(rows_TD: np.ndarray, gap: int) -> Tracks:
    """Return the stretches of people in rows of frames.

    Up to ``gap`` missing frames between two poses of a track are filled linearly; more end the
    stretch.
    """
    people = rows_TD[:, 1:].reshape(len(rows_TD), -1, PERSON)
    at, place = np.nonzero(people[:, :, 0] > 0)
    frame, track = rows_TD[at, 0].astype(np.int64), people[at, place, 0].astype(np.int64)
    order = np.lexsort((frame, track))
    frame, track = frame[order], track[order]
    points = people[at, place, 1:][order]
    breaks = np.flatnonzero((np.diff(track) != 0) | (np.diff(frame) > gap + 1)) + 1
    parts, firsts = [np.empty((0, PERSON - 1), np.float32)], []
    for mine in np.split(np.arange(len(frame)), breaks) if len(frame) else []:
        parts.append(_filled(frame[mine], points[mine]))
        firsts.append(frame[mine[0]])
    starts = np.cumsum([0, *map(len, parts[1:])])
    joints = np.concatenate(parts).reshape(-1, JOINTS, 3)
    return Tracks(joints, starts.astype(np.int64), np.array(firsts, np.int64))


def windows_of(tracks: Tracks, length: int, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first pose (n,) and first frame (n,) of windows of ``length`` poses."""
    lengths = np.diff(tracks.starts)
    counts = np.maximum((lengths - length) // stride + 1, 0)
    before = np.cumsum(counts) - counts
    offset = (np.arange(counts.sum()) - np.repeat(before, counts)) * stride
    first = np.repeat(tracks.starts[:-1], counts) + offset
    return first.astype(np.int64), (np.repeat(tracks.frames, counts) + offset).astype(np.int64)


def _filled(frame: np.ndarray, points: np.ndarray) -> np.ndarray:
    every = np.arange(frame[0], frame[-1] + 1)
    if len(every) == len(frame):
        return points
    after = np.searchsorted(frame, every).clip(1)
    before = after - 1
    share = (every - frame[before]) / (frame[after] - frame[before])
    filled: np.ndarray = points[before] + share[:, None] * (points[after] - points[before])
    return filled.astype(np.float32)
