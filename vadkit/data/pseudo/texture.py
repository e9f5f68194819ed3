"""An unknown object that moves through the image."""

from __future__ import annotations

from typing import Annotated

import cv2
import numpy as np
from pydantic import Field

from vadkit.data.pseudo.editing import Cutout, nearer, paste, without
from vadkit.data.pseudo.scene import Scene, SyntheticClip
from vadkit.data.pseudo.segments import Segment, Spot, pick_segment

# The difference from the background, in grey levels, at a contrast of 1.
_REACH = 100.0


class Texture:
    """A spotted oval replaces a figure, with its size, path and speed.

    Only its appearance is unusual. Strengths are ``contrasts``, 0..1: the difference of its spots
    from the grey level of the background.
    """

    control: float | None = None

    def __init__(
        self, *, contrasts: tuple[Annotated[float, Field(gt=0, le=1)], ...] = (0.25, 0.5, 1.0)
    ) -> None:
        self.strengths = contrasts

    def __call__(
        self, scene: Scene, strength: float, lead: int, length: int, rng: np.random.Generator
    ) -> SyntheticClip | None:
        def spots(segment: Segment) -> list[Spot]:
            return [Spot(segment.last + n, np.zeros(2)) for n in range(1, segment.length + 1)]

        segment = pick_segment(scene, lead, length, rng, lambda frames: (0, frames), spots)
        if segment is None:
            return None
        track = segment.track
        sides = np.median(track.boxes[:, 2:] - track.boxes[:, :2], axis=0).round().astype(int)
        spotted, alpha = _oval(int(sides[0]), int(sides[1]), rng)
        frames = scene.frames[segment.times(lead)].copy()
        masks = np.zeros(frames.shape[:3], bool)
        for number, spot in enumerate(spots(segment), lead):
            now = spot.time
            left, top, right, bottom = track.boxes[now - track.first].tolist()
            around = scene.background[top:bottom, left:right].mean(axis=(0, 1))
            pixels = (around + strength * _REACH * spotted[..., None]).astype(np.float32)
            middle = track.middle(now)
            feet = float(middle[1] + sides[1] / 2)
            in_front = nearer(scene, now, feet, int(track.numbers[now - track.first]))
            frames[number], masks[number] = paste(
                without(scene, track, now),
                Cutout(pixels, pixels, alpha, np.ones_like(alpha), (0, 0)),
                middle - np.array(alpha.shape[::-1]) / 2,
                in_front,
            )
        return SyntheticClip.of(frames, masks)


def _oval(width: int, height: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return spots (h, w) between -1 and 1, and the oval's opacity, with a soft edge."""
    sides = (height + 4, width + 4)
    noise = np.asarray(cv2.GaussianBlur(rng.standard_normal(sides), (0, 0), max(1.0, height / 12)))
    spots = np.tanh(1.5 * (noise - noise.mean()) / noise.std())
    y, x = np.mgrid[: sides[0], : sides[1]] - (np.array(sides)[:, None, None] - 1) / 2
    inside = ((y / (height / 2)) ** 2 + (x / (width / 2)) ** 2 <= 1).astype(np.float32)
    return spots, np.asarray(cv2.GaussianBlur(inside, (0, 0), 1.0))
