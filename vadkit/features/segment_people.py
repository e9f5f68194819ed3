"""What each track of a person does in a segment: how fast, how wide, where and how near."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from vadkit.data.objects.tracks import TrackRows

# A track counts in a segment from this many boxes on: fewer have no usable speed.
_FEWEST = 4
# Speeds and distances are in heights of the box; beyond these they are noise of the tracker.
_FASTEST, _FARTHEST = 1.0, 5.0


class People(NamedTuple):
    """One row for each track and segment: the segment (n,), and values (n,) by name."""

    segment: np.ndarray
    values: Mapping[str, np.ndarray]


def people_of(
    rows: TrackRows, segments: Sequence[int] | np.ndarray, size: tuple[float, float]
) -> People:
    """Return what each track does in each segment.

    ``segments`` (frames,) is the segment of each frame, ``size`` the height and width of pictures.
    ``across`` and ``along`` are the speed sideways and up or down, the slopes of lines through the
    centres of the boxes; ``path`` is the mean distance between consecutive centres. All are in
    heights of the box a frame. ``wobble`` is the deviation of the aspect, width / height;
    ``growth`` the change of the height a frame; ``near`` the distance to the nearest other box.
    """
    order = np.lexsort((rows.frame, rows.track))
    t, track, box = rows.frame[order], rows.track[order], rows.xyxy[order].astype(np.float64)
    segment = np.asarray(segments)[np.minimum(t, len(segments) - 1)]
    # A new group begins where the track or the segment changes.
    starts = np.flatnonzero(np.r_[len(t) > 0, (np.diff(track) != 0) | (np.diff(segment) != 0)])
    group = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(t)]))
    count = np.bincount(group).astype(np.float64)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.bincount(group, weights=values) / count)

    x, y = (box[:, 0] + box[:, 2]) / 2, (box[:, 1] + box[:, 3]) / 2
    width, height = (np.maximum(box[:, 2 + n] - box[:, n], 1) for n in (0, 1))
    usual = mean(height)
    time = t - mean(t)[group]
    spread = np.maximum(mean(time**2), 1e-9)

    def slope(values: np.ndarray) -> np.ndarray:
        return np.asarray(mean(time * values) / spread / usual)

    step = np.zeros(len(t))
    step[1:] = np.hypot(np.diff(x), np.diff(y)) / np.maximum(np.diff(t), 1)
    step[starts] = 0
    aspect = width / height
    across, along = slope(x), slope(y)
    near = _nearest(rows)[order]
    values = {
        "across": np.abs(across),
        "along": np.abs(along),
        "speed": np.hypot(across, along),
        "path": mean(step) * count / np.maximum(count - 1, 1) / usual,
        "aspect": mean(aspect),
        "wobble": np.sqrt(np.maximum(mean(aspect**2) - mean(aspect) ** 2, 0)),
        "height": usual / size[0],
        "growth": np.abs(slope(height)),
        "x": mean(x) / size[1],
        "foot": mean(box[:, 3]) / size[0],
        "near": mean(near),
        "boxes": count,
    }
    for name in ("across", "along", "speed", "path", "growth"):
        values[name] = np.minimum(values[name], _FASTEST)
    kept = count >= _FEWEST
    return People(segment[starts][kept], {name: each[kept] for name, each in values.items()})


def _nearest(rows: TrackRows) -> np.ndarray:
    """Return the distance (n,) of each box to the nearest other one of its frame, in heights."""
    centres = (rows.xyxy[:, :2] + rows.xyxy[:, 2:]) / 2
    heights = np.maximum(rows.xyxy[:, 3] - rows.xyxy[:, 1], 1)
    found = np.full(len(rows), _FARTHEST)
    edges = np.r_[0, np.flatnonzero(np.diff(rows.frame)) + 1, len(rows)]
    for start, stop in itertools.pairwise(edges):
        if stop - start < 2:
            continue
        apart = np.hypot(
            *(centres[start:stop, None] - centres[None, start:stop]).transpose(2, 0, 1)
        )
        np.fill_diagonal(apart, np.inf)
        found[start:stop] = np.minimum(apart.min(axis=1) / heights[start:stop], _FARTHEST)
    return found
