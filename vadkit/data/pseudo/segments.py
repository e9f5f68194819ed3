"""Choose a figure and a time: visible for long enough, and not close to other figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from vadkit.data.pseudo.editing import cut_out, nearer, paste, without
from vadkit.data.pseudo.scene import Scene, SyntheticClip
from vadkit.data.pseudo.tracks import FigureTrack

# The number of segments to try for one in which the figure meets nobody.
_TRIES = 12
# A segment has at least this many frames.
_SHORTEST = 4


class Segment(NamedTuple):
    """A figure, the last frame before it is changed, and the number of changed frames."""

    track: FigureTrack
    last: int
    length: int

    def times(self, lead: int) -> np.ndarray:
        """Return the frame numbers of the clip: the lead, and the segment."""
        return np.arange(self.last - lead + 1, self.last + self.length + 1)


class Spot(NamedTuple):
    """The position of a figure in a frame: as at ``time``, shifted by ``shift`` (x, y) pixels."""

    time: int
    shift: np.ndarray


def pick_segment(
    scene: Scene,
    lead: int,
    length: int,
    rng: np.random.Generator,
    span: Callable[[int], tuple[float, float]],
    spots: Callable[[Segment], Sequence[Spot]],
) -> Segment | None:
    """Return the longest segment up to ``length`` that fits a track, with the least overlap.

    ``span(length)`` is how much of the track a segment needs before its last frame and after it;
    ``spots`` are the positions of the figure in each of its frames.
    """
    shortest = min(_SHORTEST, length)
    room: list[tuple[int, FigureTrack]] = []
    for track in scene.tracks:
        fits = (n for n in range(length, shortest - 1, -1) if _starts(scene, track, lead, n, span))
        if found := next(fits, 0):
            room.append((found, track))
    if not room:
        return None
    length = max(found for found, _ in room)
    tracks = [track for found, track in room if found == length]
    tried: list[tuple[int, int, Segment]] = []
    for _ in range(_TRIES):
        track = tracks[int(rng.integers(len(tracks)))]
        starts = _starts(scene, track, lead, length, span)
        segment = Segment(track, starts[int(rng.integers(len(starts)))], length)
        tried.append((_met(scene, segment, spots(segment)), len(tried), segment))
    return min(tried)[2]


def _starts(
    scene: Scene,
    track: FigureTrack,
    lead: int,
    length: int,
    span: Callable[[int], tuple[float, float]],
) -> range:
    before, after = (int(np.ceil(each)) for each in span(length))
    return range(
        max(track.first + before, lead - 1),
        min(track.last - after, len(scene.frames) - 1 - length) + 1,
    )


def _met(scene: Scene, segment: Segment, spots: Sequence[Spot]) -> int:
    """Return the number of pixels of other figures in the figure's box, over its frames."""
    track, met = segment.track, 0
    for now, spot in enumerate(spots, segment.last + 1):
        box = track.boxes[spot.time - track.first] + np.tile(np.rint(spot.shift).astype(int), 2)
        left, top, right, bottom = np.maximum(box, 0).tolist()
        numbers = scene.figures[now][top:bottom, left:right]
        met += int(np.count_nonzero((numbers > 0) & (numbers != _number(track, now))))
    return met


def _number(track: FigureTrack, time: int) -> int:
    return int(track.numbers[time - track.first]) if track.first <= time <= track.last else 0


def put(scene: Scene, track: FigureTrack, now: int, spot: Spot) -> tuple[np.ndarray, np.ndarray]:
    """Return frame ``now`` with a track's figure moved to a spot, and its mask (H, W).

    Nearer figures cover it.
    """
    number = _number(track, now)
    frame = without(scene, track, now) if number else scene.frames[now]
    figure = cut_out(scene, track, spot.time)
    feet = float(track.boxes[spot.time - track.first, 3] + spot.shift[1])
    return paste(frame, figure, spot.shift, nearer(scene, now, feet, number))


def edited(scene: Scene, segment: Segment, lead: int, spots: Sequence[Spot]) -> SyntheticClip:
    """Return the clip of a segment with the figure at ``spots``, one for each of its frames."""
    frames = scene.frames[segment.times(lead)].copy()
    masks = np.zeros(frames.shape[:3], bool)
    for place, spot in enumerate(spots, lead):
        now = segment.last + 1 + place - lead
        frames[place], masks[place] = put(scene, segment.track, now, spot)
    return SyntheticClip.of(frames, masks)


def on_its_way(track: FigureTrack, time: float) -> Spot:
    """Return the position of a track's figure at a time between frames, from the nearest frame."""
    nearest = int(np.clip(np.rint(time), track.first, track.last))
    return Spot(nearest, track.velocity(nearest) * (time - nearest))
