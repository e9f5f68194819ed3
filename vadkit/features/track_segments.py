"""Features of segments from tracks: how fast, how wide, where and how many."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple

import numpy as np
from pydantic import Field

from vadkit.data.objects.tracks import TrackRows, read_tracks
from vadkit.data.segments.video import SegmentVideo, segment_of_frames
from vadkit.data.videos import Video
from vadkit.errors import DataError
from vadkit.features.people_files import known_of, read_all
from vadkit.text import printable

# A track counts in a segment from this many boxes on: fewer have no usable speed.
_FEWEST = 4
# Speeds and distances are in heights of the box; beyond these they are noise of the tracker.
_FASTEST, _FARTHEST = 1.0, 5.0
# What is measured of each track, and for the fastest one.
_PARTS = ("speed", "path", "aspect", "wobble", "height", "growth", "near")
_FASTEST_PARTS = ("across", "along", "aspect", "height", "x", "foot")
# The names of the features of a segment.
NAMES = (
    "people",
    "tracks",
    *(f"{part}-{how}" for part in _PARTS for how in ("mean", "most", "least")),
    *(f"fastest-{part}" for part in _FASTEST_PARTS),
)


class TrackSegments:
    """Features of segments of ``frames`` frames from tracks in files; no frame is decoded.

    ``files`` are files or folders of tracks, as for ``tracks``, for the training and the test
    videos; ``size`` is the height and width of the pictures that boxes belong to. Of each
    track in a segment, speed, length of the path, aspect, height and distance to others are
    measured. The features are their means, maxima and minima, the number of people, and what the
    fastest one does. They are followed by their means and maxima over the segment and ``context``
    segments on both sides: a segment of 16 frames is less than a second. Two were the best of 0, 2
    and 4 by the video labels of held-out training videos of ShanghaiTech.
    """

    from_file: ClassVar[bool] = True

    def __init__(
        self,
        *,
        files: Annotated[list[Path], Field(min_length=1)],
        size: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]],
        frames: Annotated[int, Field(ge=1)] = 16,
        context: Annotated[int, Field(ge=0)] = 2,
    ) -> None:
        self.context = context
        self.files = [file.expanduser() for file in files]
        self.size, self.frames = size, frames

    def open(self) -> TrackSet:
        """Return the tracks; ``DataError`` if they cannot be read."""
        known = read_all(self.files, read_tracks, "tracks")
        return TrackSet(known, self.size, self.frames, self.context)


class TrackSet(NamedTuple):
    """Tracks by video, the size of pictures, frames a segment, and segments on both sides."""

    tracks: Mapping[str, TrackRows]
    size: tuple[int, int]
    every: int
    context: int = 0

    def videos(self, videos: Sequence[Video], frames: Mapping[str, int]) -> list[SegmentVideo]:
        """Return the features of videos; a video whose length is unknown ends with its last box."""
        return [self._video(video, frames.get(video.id)) for video in videos]

    def _video(self, video: Video, known: int | None) -> SegmentVideo:
        rows = known_of(video, self.tracks)
        if rows is None:
            have = ", ".join(printable(name) for name in list(self.tracks)[:6])
            raise DataError(f"no tracks of video '{video.id}'; there are those of {have}")
        last = int(rows.frame[-1]) + 1 if len(rows) else 1
        length = known or last
        if last > length:
            raise DataError(
                f"the tracks of video '{video.id}' reach frame {last - 1}, but it has "
                f"{length} frames"
            )
        segments = segment_of_frames(max(length // self.every, 1), length, self.every)
        found = with_context(segment_features(rows, segments, self.size), self.context)
        return SegmentVideo(
            video.id,
            hashlib.blake2b(found.tobytes(), digest_size=12).hexdigest(),
            (len(found), 1, found.shape[1]),
            {0: found}.__getitem__,
            length,
            self.every,
            video.abnormal,
            video.category,
        )


def with_context(features_TD: np.ndarray, context: int) -> np.ndarray:
    """Return features (T, 3 D) with means and maxima over ``context`` segments on both sides.

    The first and the last segment are repeated. Without context, nothing is added.
    """
    if not context:
        return features_TD
    padded = np.pad(features_TD, ((context, context), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * context + 1, axis=0)
    return np.concatenate([features_TD, windows.mean(axis=2), windows.max(axis=2)], axis=1)


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
    starts = np.flatnonzero(np.r_[True, (np.diff(track) != 0) | (np.diff(segment) != 0)])
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

    step = np.r_[0, np.hypot(np.diff(x), np.diff(y)) / np.maximum(np.diff(t), 1)]
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


def segment_features(
    rows: TrackRows, segments: np.ndarray, size: tuple[float, float]
) -> np.ndarray:
    """Return features (T, D) float32 of segments, by ``NAMES``; a segment without people is 0."""
    count = int(segments.max()) + 1
    out = np.zeros((count, len(NAMES)), np.float32)
    if not len(rows):
        return out
    people = people_of(rows, segments, size)
    frames = np.bincount(segments, minlength=count)
    for number in np.unique(people.segment).tolist():
        mine = np.flatnonzero(people.segment == number)
        values = {name: each[mine] for name, each in people.values.items()}
        # Differences of slow speeds count as much as those of fast ones; standing is 0.
        values |= {
            name: np.log1p(values[name] / 0.01)
            for name in ("speed", "path", "growth", "across", "along")
        }
        found = [values["boxes"].sum() / frames[number], len(mine)]
        for name in _PARTS:
            found += [values[name].mean(), values[name].max(), values[name].min()]
        fastest = values["speed"].argmax()
        found += [values[n][fastest] for n in _FASTEST_PARTS]
        out[number] = found
    return out
