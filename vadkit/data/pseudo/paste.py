"""A figure that is cut out and moved rigidly, like things on wheels, or in an unusual direction."""

from __future__ import annotations

import numpy as np

from vadkit.data.pseudo.editing import cut_out, nearer, paste
from vadkit.data.pseudo.scene import Scene, SyntheticClip
from vadkit.data.pseudo.segments import Segment, Spot, edited, pick_segment
from vadkit.data.pseudo.tracks import FigureTrack

# The number of random paths to try, for one that stays inside the frame.
_TRIES = 40
# Turns from a figure's own direction, in half turns: at least an eighth of a full turn.
_TURNS = (0.25, 1.75)
# The allowed ratio of heights, for a figure to walk in the place of another.
_SIZES = (0.7, 1.4)


class Glide:
    """One figure glides straight on without steps, at a multiple of its own speed.

    It moves like something on wheels; its direction and place are its own.
    """

    control: float | None = None

    def __init__(self, *, speeds: tuple[float, ...] = (1.25, 1.5, 2.0, 4.0)) -> None:
        self.strengths = speeds

    def __call__(
        self, scene: Scene, strength: float, lead: int, length: int, rng: np.random.Generator
    ) -> SyntheticClip | None:
        def spots(segment: Segment) -> list[Spot]:
            step = strength * segment.track.velocity(segment.last)
            return [Spot(segment.last, step * n) for n in range(1, segment.length + 1)]

        segment = pick_segment(scene, lead, length, rng, lambda frames: (0, frames), spots)
        return None if segment is None else edited(scene, segment, lead, spots(segment))


class Stray:
    """One additional figure, pasted in at another place, moves in another direction.

    It starts where a figure of about its size was at some time, and walks with its own steps at a
    multiple of its own speed, from the first frame of the clip.
    """

    control: float | None = None

    def __init__(self, *, speeds: tuple[float, ...] = (1.0, 1.5, 2.0)) -> None:
        self.strengths = speeds

    def __call__(
        self, scene: Scene, strength: float, lead: int, length: int, rng: np.random.Generator
    ) -> SyntheticClip | None:
        count = lead + length
        if not scene.tracks or len(scene.frames) < count:
            return None
        start = int(rng.integers(len(scene.frames) - count + 1))
        for _ in range(_TRIES):
            track, other = (scene.tracks[int(n)] for n in rng.integers(len(scene.tracks), size=2))
            place = other.middle(float(rng.integers(other.first, other.last + 1)))
            turn = rng.uniform(*_TURNS) * np.pi
            spots = _walk(track, place, turn, strength, count)
            if _SIZES[0] < other.height / track.height < _SIZES[1] and _inside(scene, track, spots):
                break
        else:
            return None
        made = []
        for now, spot in enumerate(spots, start):
            feet = float(track.boxes[spot.time - track.first, 3] + spot.shift[1])
            in_front = nearer(scene, now, feet)
            made.append(
                paste(scene.frames[now], cut_out(scene, track, spot.time), spot.shift, in_front)
            )
        masks = np.stack([mask for _, mask in made])
        return SyntheticClip.of(np.stack([frame for frame, _ in made]), masks)


def _walk(
    track: FigureTrack, place: np.ndarray, turn: float, speed: float, count: int
) -> list[Spot]:
    """Return a straight path from ``place`` (x, y), rotated from the track's direction."""
    own = (track.middle(track.last) - track.middle(track.first)) / (len(track) - 1)
    cos, sin = np.cos(turn), np.sin(turn)
    step = speed * np.array([cos * own[0] - sin * own[1], sin * own[0] + cos * own[1]])
    spots = []
    for number in range(count):
        # Its frames forwards and backwards, as often as needed.
        phase = round(speed * number) % (2 * (len(track) - 1))
        time = track.first + min(phase, 2 * (len(track) - 1) - phase)
        spots.append(Spot(time, place + step * number - track.middle(time)))
    return spots


def _inside(scene: Scene, track: FigureTrack, spots: list[Spot]) -> bool:
    height, width = scene.frames.shape[1:3]
    for spot in (spots[0], spots[-1]):
        left, top, right, bottom = track.boxes[spot.time - track.first] + np.tile(spot.shift, 2)
        if left < 0 or top < 0 or right > width or bottom > height:
            return False
    return True
