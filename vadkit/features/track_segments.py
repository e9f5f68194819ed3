"""Features of segments from tracks: how fast, how wide, where and how many."""

from __future__ import annotations

import hashlib
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
from vadkit.features.segment_people import People, people_of
from vadkit.features.unusual_people import KINDS, UsualPeople
from vadkit.text import printable

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
# Those that follow them if people are compared with the usual ones.
UNUSUAL = tuple(f"unusual-{kind}-{how}" for kind in KINDS for how in ("mean", "most"))


class TrackSegments:
    """Features of segments of ``frames`` frames from tracks in files; no frame is decoded.

    ``files`` are files or folders of tracks, as for ``tracks``, for the training and the test
    videos; ``size`` is the height and width of the pictures that boxes belong to. Of each
    track in a segment, speed, length of the path, aspect, height and distance to others are
    measured. The features are their means, maxima and minima, the number of people, and what the
    fastest one does. They are followed by their means and maxima over the segment and ``context``
    segments on both sides: a segment of 16 frames is less than a second. Two were the best of 0, 2
    and 4 by the video labels of held-out training videos of ShanghaiTech.

    With ``unusual``, people are compared with those of the normal training videos, as
    ``track-density`` does: the mean and the maximum over people of three distances (motion, shape,
    and speed at a place) are features too. A segment without people then has the means of segments
    with people. Without ``unusual`` it is 0, which lies far from all others.
    """

    from_file: ClassVar[bool] = True

    def __init__(
        self,
        *,
        files: Annotated[list[Path], Field(min_length=1)],
        size: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]],
        frames: Annotated[int, Field(ge=1)] = 16,
        context: Annotated[int, Field(ge=0)] = 2,
        unusual: bool = False,
    ) -> None:
        self.context, self.compares = context, unusual
        self.files = [file.expanduser() for file in files]
        self.size, self.frames = size, frames

    def open(
        self, normal: Sequence[Video] = (), frames: Mapping[str, int] | None = None
    ) -> TrackSet:
        """Return the tracks; ``DataError`` if they cannot be read.

        ``normal`` are the normal training videos, which people are compared with, and ``frames``
        the lengths that are known.
        """
        known = read_all(self.files, read_tracks, "tracks")
        tracks = TrackSet(known, self.size, self.frames, self.context)
        return tracks.comparing(normal, frames or {}) if self.compares else tracks


class Usual(NamedTuple):
    """The people of normal videos, and the features (D,) of a segment without people."""

    people: UsualPeople
    absent: np.ndarray


class TrackSet(NamedTuple):
    """Tracks by video, the size of pictures, frames a segment, and segments on both sides."""

    tracks: Mapping[str, TrackRows]
    size: tuple[int, int]
    every: int
    context: int = 0
    usual: Usual | None = None

    def videos(self, videos: Sequence[Video], frames: Mapping[str, int]) -> list[SegmentVideo]:
        """Return the features of videos; a video whose length is unknown ends with its last box."""
        return [self._video(video, frames.get(video.id)) for video in videos]

    def comparing(self, normal: Sequence[Video], frames: Mapping[str, int]) -> TrackSet:
        """Return the set that compares people with those of the videos ``normal``."""
        known = [(video.id, *self._rows(video, frames.get(video.id))) for video in normal]
        people = {name: people_of(rows, segments, self.size) for name, rows, segments in known}
        if not any(len(one.segment) for one in people.values()):
            raise DataError(
                "features.unusual: the normal training videos have no people to compare with"
            )
        usual = UsualPeople({name: one.values for name, one in people.items()})
        present = np.concatenate(
            [
                segment_features(people[name], segments, usual=usual, video=name)
                for name, _, segments in known
            ]
        )
        absent = present[present[:, 1] > 0].mean(axis=0)
        absent[:2] = 0
        return self._replace(usual=Usual(usual, absent))

    def _rows(self, video: Video, known: int | None) -> tuple[TrackRows, np.ndarray]:
        """Return the tracks of a video, and the segment (frames,) of each frame."""
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
        return rows, segment_of_frames(max(length // self.every, 1), length, self.every)

    def _video(self, video: Video, known: int | None) -> SegmentVideo:
        rows, segments = self._rows(video, known)
        people = people_of(rows, segments, self.size)
        if self.usual is None:
            found = segment_features(people, segments)
        else:
            found = segment_features(people, segments, usual=self.usual.people, video=video.id)
            found[found[:, 1] == 0] = self.usual.absent
        found = with_context(found, self.context)
        return SegmentVideo(
            video.id,
            hashlib.blake2b(found.tobytes(), digest_size=12).hexdigest(),
            (len(found), 1, found.shape[1]),
            {0: found}.__getitem__,
            len(segments),
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


def segment_features(
    people: People,
    segments: np.ndarray,
    *,
    usual: UsualPeople | None = None,
    video: str = "",
) -> np.ndarray:
    """Return features (T, D) float32 of segments, by ``NAMES``; a segment without people is 0.

    With ``usual`` people, those of ``UNUSUAL`` follow; ``video`` is the name of this video.
    """
    count = int(segments.max()) + 1
    names = NAMES if usual is None else NAMES + UNUSUAL
    out = np.zeros((count, len(names)), np.float32)
    apart = None if usual is None else usual.unusual(people.values, video)
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
        if apart is not None:
            found += np.stack([apart[mine].mean(0), apart[mine].max(0)], axis=1).ravel().tolist()
        out[number] = found
    return out
