"""One figure that follows its own path at another speed."""

from __future__ import annotations

import numpy as np

from vadkit.data.pseudo.scene import Scene, SyntheticClip
from vadkit.data.pseudo.segments import Segment, Spot, edited, on_its_way, pick_segment, put

# The control: this many frames late on its path.
_LATE = 2.5


class Pace:
    """One figure follows its own path at another speed: faster, slower, or backwards.

    Speeds are multiples of its own speed, and its steps match them. The rest of the image is
    unchanged. It needs figures that walk alone for long enough.
    """

    control: float | None = 1.0

    def __init__(self, *, speeds: tuple[float, ...] = (-1.0, 1.25, 1.5, 2.0, 4.0)) -> None:
        self.strengths = speeds

    def __call__(
        self, scene: Scene, strength: float, lead: int, length: int, rng: np.random.Generator
    ) -> SyntheticClip | None:
        if strength == self.control:
            return _late(scene, lead, length, rng)

        def span(frames: int) -> tuple[float, float]:
            reach = strength * frames
            return max(0.0, -reach), max(float(frames), reach)

        def spots(segment: Segment) -> list[Spot]:
            times = segment.last + strength * np.arange(1, segment.length + 1)
            return [on_its_way(segment.track, time) for time in times]

        segment = pick_segment(scene, lead, length, rng, span, spots)
        return None if segment is None else edited(scene, segment, lead, spots(segment))


class Freeze(Pace):
    """One figure stops, or slows down, while the others continue; see ``pace``."""

    control: float | None = None

    def __init__(self, *, speeds: tuple[float, ...] = (0.0, 0.5)) -> None:
        super().__init__(speeds=speeds)


def _late(scene: Scene, lead: int, length: int, rng: np.random.Generator) -> SyntheticClip | None:
    """A figure that is late on its path during the whole clip: edited, but still normal."""

    def spots(segment: Segment) -> list[Spot]:
        times = segment.times(lead) - _LATE
        return [on_its_way(segment.track, time) for time in times]

    def own(segment: Segment) -> list[Spot]:
        return spots(segment)[lead:]

    segment = pick_segment(scene, lead, length, rng, lambda n: (lead + _LATE, n), own)
    if segment is None:
        return None
    frames = [
        put(scene, segment.track, now, spot)[0]
        for now, spot in zip(segment.times(lead).tolist(), spots(segment), strict=True)
    ]
    masks = np.zeros((len(frames), *frames[0].shape[:2]), bool)
    return SyntheticClip.of(np.stack(frames), masks)
