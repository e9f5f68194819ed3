"""One figure that disappears from one frame to the next."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from vadkit.data.pseudo.editing import without
from vadkit.data.pseudo.scene import Scene, SyntheticClip
from vadkit.data.pseudo.segments import Spot, pick_segment


class Vanish:
    """One figure disappears, returns after some frames, and so on; the background is shown instead.

    The frames in which it suddenly disappears or returns are abnormal; in the frames between,
    nothing abnormal is visible. Strengths are the numbers of ``frames`` that it is away, and then
    visible.
    """

    control: float | None = None

    def __init__(self, *, frames: tuple[Annotated[int, Field(ge=1)], ...] = (1, 4)) -> None:
        self.strengths = frames

    def __call__(
        self, scene: Scene, strength: float, lead: int, length: int, rng: np.random.Generator
    ) -> SyntheticClip | None:
        segment = pick_segment(
            scene,
            lead,
            length,
            rng,
            lambda frames: (0, frames),
            lambda s: [Spot(s.last + n, np.zeros(2)) for n in range(1, s.length + 1)],
        )
        if segment is None:
            return None
        frames = scene.frames[segment.times(lead)].copy()
        masks = np.zeros(frames.shape[:3], bool)
        gone_before = False
        for number in range(segment.length):
            now = segment.last + 1 + number
            gone = number // int(strength) % 2 == 0
            if gone:
                frames[lead + number] = without(scene, segment.track, now)
            if gone != gone_before:
                place = now - segment.track.first
                masks[lead + number] = scene.figures[now] == segment.track.numbers[place]
            gone_before = gone
        return SyntheticClip.of(frames, masks)
